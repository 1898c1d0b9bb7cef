-- From version 1 of the tables (energymvp 0.1.0) to version 2, every row kept. `energymvp schema --from 1` prints this with `schema.sql`
-- behind it, as one transaction: paste all of it into the SQL editor of the Supabase project and run it, once.
--
-- Rows of before are half-hour means of no named run. New ranges hold for rows that come in from now on (`not valid`).

alter table public.households
    add column if not exists timezone text collate "C",
    add column if not exists latitude double precision,
    add column if not exists longitude double precision,
    add column if not exists import_limit double precision,
    add column if not exists export_limit double precision,
    add constraint households_range check (
        capacity between 0.1 and 1000 and soc_min between 0 and 1 and soc_max between 0 and 1
        and charge_power between 0 and 1000 and discharge_power between 0 and 1000 and efficiency between 0.1 and 1
        and wear between 0 and 200 and health between 0.1 and 1 and latitude between -90 and 90 and longitude between -180 and 180
        and import_limit between 0 and 1000 and export_limit between 0 and 1000
        and soc_min < soc_max
    ) not valid;
alter table public.consumption
    add constraint consumption_range check (
        ac between 0 and 10000 and washing_drying between 0 and 10000 and fridge between 0 and 10000
        and ev_charging between 0 and 10000 and dishwasher between 0 and 10000 and computers between 0 and 10000
        and stove between 0 and 10000 and water_heater between 0 and 10000 and misc between 0 and 10000
    ) not valid;
alter table public.battery_labels
    add constraint battery_labels_range check (
        quantity_kwh between 0 and 10000 and soc_kwh between 0 and 10000 and price_cents_kwh between -10000 and 10000
    ) not valid;
drop view if exists public.prices_series;
alter table public.prices
    add column run text collate "C" not null default '',
    add column minutes integer not null default 30,
    add column published_at timestamptz,
    drop constraint prices_pkey,
    drop constraint prices_ts_check,
    add primary key (node, market, run, ts),
    add constraint prices_grid check (minutes in (5, 15, 30, 60) and extract(epoch from ts)::bigint % (minutes * 60) = 0),
    add constraint prices_range check (price_cents_kwh between -10000 and 10000) not valid;

