-- From version 2 of the tables to version 3, every row kept. `energymvp schema --from 2` prints this with `schema.sql` behind it, as one
-- transaction: paste all of it into the SQL editor of the Supabase project and run it, once.
--
-- A home may now have no battery of its own, as where only its clock is known. And a row that comes in from now on (`not valid`) is of
-- somebody, at a whole second of its grid, in years that there are meters.

alter table public.households
    alter column capacity drop not null,
    alter column soc_min drop not null,
    alter column soc_max drop not null,
    alter column charge_power drop not null,
    alter column discharge_power drop not null,
    alter column efficiency drop not null,
    alter column wear drop not null,
    alter column health drop not null,
    drop constraint if exists households_named,
    add constraint households_named check (household_id <> '') not valid,
    drop constraint if exists households_battery,
    add constraint households_battery check (
        num_nulls(capacity, soc_min, soc_max, charge_power, discharge_power, efficiency, wear, health) in (0, 8)
    );

alter table if exists public.consumption
    drop constraint if exists consumption_ts_check,
    drop constraint if exists consumption_grid,
    add constraint consumption_grid check (extract(epoch from ts) % 1800 = 0 and ts between '1970-01-01 00:00Z' and '2200-01-01 00:00Z') not valid,
    drop constraint if exists consumption_named,
    add constraint consumption_named check (household_id <> '') not valid;
alter table if exists public.meters
    drop constraint if exists meters_ts_check,
    drop constraint if exists meters_grid,
    add constraint meters_grid check (extract(epoch from ts) % 1800 = 0 and ts between '1970-01-01 00:00Z' and '2200-01-01 00:00Z') not valid,
    drop constraint if exists meters_named,
    add constraint meters_named check (household_id <> '') not valid;
alter table if exists public.battery_labels
    drop constraint if exists battery_labels_ts_check,
    drop constraint if exists battery_labels_grid,
    add constraint battery_labels_grid check (extract(epoch from ts) % 1800 = 0 and ts between '1970-01-01 00:00Z' and '2200-01-01 00:00Z') not valid,
    drop constraint if exists battery_labels_named,
    add constraint battery_labels_named check (household_id <> '') not valid;
alter table if exists public.prices
    drop constraint if exists prices_grid,
    add constraint prices_grid check (minutes in (5, 15, 30, 60) and extract(epoch from ts) % (minutes * 60) = 0 and ts between '1970-01-01 00:00Z' and '2200-01-01 00:00Z') not valid,
    drop constraint if exists prices_named,
    add constraint prices_named check (node <> '') not valid;
alter table if exists public.forecasts
    drop constraint if exists forecasts_grid,
    add constraint forecasts_grid check (minutes in (5, 15, 30, 60) and extract(epoch from ts) % (minutes * 60) = 0 and ts between '1970-01-01 00:00Z' and '2200-01-01 00:00Z') not valid,
    drop constraint if exists forecasts_named,
    add constraint forecasts_named check (area <> '' and source <> '') not valid;
