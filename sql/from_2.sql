-- From version 2 of the tables to version 3, every row kept. `energymvp schema --from 2` prints this with `schema.sql` behind it, as one
-- transaction: paste all of it into the SQL editor of the Supabase project and run it, once.
--
-- A home may now have no battery of its own, as where only its clock is known.

alter table public.households
    alter column capacity drop not null,
    alter column soc_min drop not null,
    alter column soc_max drop not null,
    alter column charge_power drop not null,
    alter column discharge_power drop not null,
    alter column efficiency drop not null,
    alter column wear drop not null,
    alter column health drop not null,
    drop constraint if exists households_battery,
    add constraint households_battery check (
        num_nulls(capacity, soc_min, soc_max, charge_power, discharge_power, efficiency, wear, health) in (0, 8)
    );

