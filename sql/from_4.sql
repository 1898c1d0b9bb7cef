-- From version 4 of the tables to version 5, every row kept. `energymvp schema --from 4` prints this with `schema.sql` behind it, as one
-- transaction: paste all of it into the SQL editor of the Supabase project and run it, once.
--
-- The four tables of live operation, `states`, `plans`, `commands` and `settlements`, are made by `schema.sql`; several writes may now go
-- into them together.

alter table if exists public.staged
    drop constraint if exists staged_name_check,
    add constraint staged_name_check check (
        name in ('tariffs', 'households', 'consumption', 'meters', 'prices', 'forecasts', 'battery_labels', 'states', 'plans', 'commands', 'settlements')
    );
