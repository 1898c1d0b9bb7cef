-- From version 3 of the tables to version 4, every row kept. `energymvp schema --from 3` prints this with `schema.sql` behind it, as one
-- transaction: paste all of it into the SQL editor of the Supabase project and run it, once.
--
-- A home may now name its tariff, and the table `tariffs`, which `schema.sql` makes, holds tariffs by their names.

alter table public.households add column if not exists tariff text collate "C";

alter table if exists public.staged
    drop constraint if exists staged_name_check,
    add constraint staged_name_check check (name in ('tariffs', 'households', 'consumption', 'meters', 'prices', 'forecasts', 'battery_labels'));
