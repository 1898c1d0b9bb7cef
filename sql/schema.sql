-- The tables of energymvp in PostgreSQL, for Supabase: version 5 of their contract.
--
-- Paste this file into the SQL editor of a Supabase project and run it; running it again changes nothing. A project that has the tables
-- of an earlier version runs what `energymvp schema --from 1` (or 2, 3, 4) prints instead, once: it keeps every row.
-- Times are starts of intervals, energy is kWh per half hour, prices are cents/kWh (1 $/MWh = 0.1 cents/kWh). States and commands are of
-- moments, in whole seconds, and in kW; a settlement is of a local day, in kWh and cents.
--
-- Who sees what: the service role writes and reads everything. A signed-in user reads prices, tariffs, the market's forecasts, and the rows of
-- the households whose user_id is theirs; of these households alone, such a user may write states. The anon role may do nothing.

do $$
declare
    old integer := (select min(v) from (
        select 1 as v where to_regclass('public.prices') is not null and not exists (
            select from information_schema.columns where table_schema = 'public' and table_name = 'prices' and column_name = 'run')
        union all
        select 2 from information_schema.columns
        where table_schema = 'public' and table_name = 'households' and column_name = 'capacity' and is_nullable = 'NO'
        union all
        select 3 where to_regclass('public.households') is not null and not exists (
            select from information_schema.columns where table_schema = 'public' and table_name = 'households' and column_name = 'tariff')
        union all
        select 4 from pg_constraint
        where conrelid = to_regclass('public.staged') and conname = 'staged_name_check' and pg_get_constraintdef(oid) not like '%''states''%'
    ) found);
begin
    if old is not null then
        raise exception 'this project has the tables of version %: run what `energymvp schema --from %` prints instead', old, old;
    end if;
end $$;

create table if not exists public.contract (version integer primary key);
insert into public.contract values (5) on conflict do nothing;

create table if not exists public.households (
    household_id    text collate "C" primary key,
    capacity        double precision,                    -- nameplate energy, kWh
    soc_min         double precision,                    -- state of charge, 0 to 1
    soc_max         double precision,
    charge_power    double precision,                    -- kW on the grid side
    discharge_power double precision,
    efficiency      double precision,                    -- round trip
    wear            double precision,                    -- cents per stored kWh moved
    health          double precision,                    -- scales the capacity
    user_id         uuid references auth.users (id) on delete set null,  -- who may read this home's rows
    timezone        text collate "C",                    -- the home's clock, as America/Los_Angeles
    latitude        double precision,                    -- degrees north
    longitude       double precision,                    -- degrees east
    import_limit    double precision,                    -- most that the home may take from the grid, kW
    export_limit    double precision,                    -- most that it may give, kW
    tariff          text collate "C",                    -- name of its tariff: of the table tariffs, or one that travels with the library
    constraint households_named check (household_id <> ''),
    constraint households_range check (
        capacity between 0.1 and 1000 and soc_min between 0 and 1 and soc_max between 0 and 1
        and charge_power between 0 and 1000 and discharge_power between 0 and 1000 and efficiency between 0.1 and 1
        and wear between 0 and 200 and health between 0.1 and 1 and latitude between -90 and 90 and longitude between -180 and 180
        and import_limit between 0 and 1000 and export_limit between 0 and 1000
        and soc_min < soc_max
    ),
    constraint households_battery check (  -- a home may have no battery of its own
        num_nulls(capacity, soc_min, soc_max, charge_power, discharge_power, efficiency, wear, health) in (0, 8)
    )
);

create table if not exists public.tariffs (
    name    text collate "C" primary key,                -- as households say it
    content text collate "C" not null,                   -- the tariff as YAML or JSON
    constraint tariffs_named check (name <> '')
);

create table if not exists public.consumption (
    household_id   text collate "C" not null,
    ts             timestamptz not null,
    ac             double precision not null,
    washing_drying double precision not null,
    fridge         double precision not null,
    ev_charging    double precision not null,
    dishwasher     double precision not null,
    computers      double precision not null,
    stove          double precision not null,
    water_heater   double precision not null,
    misc           double precision not null,
    primary key (household_id, ts),
    constraint consumption_named check (household_id <> ''),
    constraint consumption_grid check (extract(epoch from ts) % 1800 = 0 and ts between '1970-01-01 00:00Z' and '2200-01-01 00:00Z'),
    constraint consumption_range check (
        ac between 0 and 10000 and washing_drying between 0 and 10000 and fridge between 0 and 10000
        and ev_charging between 0 and 10000 and dishwasher between 0 and 10000 and computers between 0 and 10000
        and stove between 0 and 10000 and water_heater between 0 and 10000 and misc between 0 and 10000
    )
);

-- What the registers of a home measure, each where there is one; kept apart from what its appliances use.
create table if not exists public.meters (
    household_id   text collate "C" not null,
    ts             timestamptz not null,
    import_kwh     double precision,
    export_kwh     double precision,
    generation_kwh double precision,
    charge_kwh     double precision,
    discharge_kwh  double precision,
    load_kwh       double precision,
    primary key (household_id, ts),
    constraint meters_named check (household_id <> ''),
    constraint meters_grid check (extract(epoch from ts) % 1800 = 0 and ts between '1970-01-01 00:00Z' and '2200-01-01 00:00Z'),
    constraint meters_range check (
        import_kwh between 0 and 10000 and export_kwh between 0 and 10000 and generation_kwh between 0 and 10000
        and charge_kwh between 0 and 10000 and discharge_kwh between 0 and 10000 and load_kwh between 0 and 10000
    ),
    constraint meters_some check (coalesce(import_kwh, export_kwh, generation_kwh, charge_kwh, discharge_kwh, load_kwh) is not null)
);

create table if not exists public.prices (
    node            text collate "C" not null,
    market          text collate "C" not null check (market in ('DAM', 'RTM')),
    run             text collate "C" not null default '',   -- which run of the market, as fetched; empty: half-hour means of version 1
    ts              timestamptz not null,
    minutes         integer not null default 30,            -- length of the interval
    price_cents_kwh double precision not null,
    published_at    timestamptz,                            -- where the source says so
    primary key (node, market, run, ts),
    constraint prices_named check (node <> ''),
    constraint prices_grid check (minutes in (5, 15, 30, 60) and extract(epoch from ts) % (minutes * 60) = 0 and ts between '1970-01-01 00:00Z' and '2200-01-01 00:00Z'),
    constraint prices_range check (price_cents_kwh between -10000 and 10000)
);

-- What was expected, and when that was said. An area is a node or zone of the market, or a household where the kind starts with home_.
create table if not exists public.forecasts (
    area      text collate "C" not null,
    kind      text collate "C" not null check (kind in ('load', 'wind', 'solar', 'temperature', 'home_load', 'home_solar')),
    source    text collate "C" not null,
    issued_at timestamptz not null,
    ts        timestamptz not null,
    minutes   integer not null default 30,
    mean      double precision not null,
    low       double precision,
    high      double precision,
    primary key (area, kind, source, issued_at, ts),
    constraint forecasts_named check (area <> '' and source <> ''),
    constraint forecasts_grid check (minutes in (5, 15, 30, 60) and extract(epoch from ts) % (minutes * 60) = 0 and ts between '1970-01-01 00:00Z' and '2200-01-01 00:00Z'),
    constraint forecasts_range check (
        mean between -1e7 and 1e7 and low between -1e7 and 1e7 and high between -1e7 and 1e7 and low <= mean and mean <= high
    )
);

create table if not exists public.battery_labels (
    household_id    text collate "C" not null,
    ts              timestamptz not null,
    action          text collate "C" not null check (action in ('buy', 'hold', 'sell')),
    quantity_kwh    double precision not null,
    soc_kwh         double precision not null,
    price_cents_kwh double precision not null,
    policy          text collate "C" not null,
    primary key (household_id, ts),
    constraint battery_labels_named check (household_id <> ''),
    constraint battery_labels_grid check (extract(epoch from ts) % 1800 = 0 and ts between '1970-01-01 00:00Z' and '2200-01-01 00:00Z'),
    constraint battery_labels_range check (
        quantity_kwh between 0 and 10000 and soc_kwh between 0 and 10000 and price_cents_kwh between -10000 and 10000
    )
);

-- Live operation: what a home's devices say at a moment, each value but the charge where there is one.
create table if not exists public.states (
    household_id text collate "C" not null,
    ts           timestamptz not null,
    soc          double precision not null,              -- state of charge, 0 to 1
    load_kw      double precision,                       -- used by the home
    solar_kw     double precision,                       -- made by the panels
    grid_kw      double precision,                       -- from the grid; negative: to it
    battery_kw   double precision,                       -- into the battery; negative: out of it
    received_at  timestamptz not null default date_trunc('second', now() + interval '1 second'),  -- known by the second, and no earlier
    primary key (household_id, ts),
    constraint states_named check (household_id <> ''),
    constraint states_grid check (extract(epoch from ts) % 1 = 0 and ts between '1970-01-01 00:00Z' and '2200-01-01 00:00Z'),
    constraint states_range check (
        soc between 0 and 1 and load_kw between -10000 and 10000 and solar_kw between -10000 and 10000
        and grid_kw between -10000 and 10000 and battery_kw between -10000 and 10000
        and received_at between '1970-01-01 00:00Z' and '2200-01-01 00:00Z'
    )
);

-- The plan that holds from a half hour on.
create table if not exists public.plans (
    household_id text collate "C" not null,
    ts           timestamptz not null,
    made_at      timestamptz not null,
    soc          double precision not null,              -- that it started from
    status       text collate "C" not null check (status in ('ok', 'fallback')),
    note         text collate "C" not null default '',
    content      text collate "C" not null default '',   -- as JSON, with a record a step
    primary key (household_id, ts),
    constraint plans_named check (household_id <> ''),
    constraint plans_grid check (extract(epoch from ts) % 1800 = 0 and ts between '1970-01-01 00:00Z' and '2200-01-01 00:00Z'),
    constraint plans_range check (soc between 0 and 1 and made_at between '1970-01-01 00:00Z' and '2200-01-01 00:00Z')
);

-- What the battery was told.
create table if not exists public.commands (
    household_id    text collate "C" not null,
    ts              timestamptz not null,
    mode            text collate "C" not null check (mode in ('self_consume', 'hold', 'no_store', 'charge', 'export', 'idle')),
    power_kw        double precision not null,           -- most that the battery takes or gives
    target_soc      double precision not null,           -- up to which, or down to which
    expires_at      timestamptz not null,
    reason          text collate "C" not null default '',
    plan_ts         timestamptz,                         -- of the plan that it follows
    acknowledged_at timestamptz,                         -- when the device took it
    primary key (household_id, ts),
    constraint commands_named check (household_id <> ''),
    constraint commands_grid check (extract(epoch from ts) % 1 = 0 and ts between '1970-01-01 00:00Z' and '2200-01-01 00:00Z'),
    constraint commands_range check (
        power_kw between 0 and 10000 and target_soc between 0 and 1
        and expires_at between '1970-01-01 00:00Z' and '2200-01-01 00:00Z'
        and plan_ts between '1970-01-01 00:00Z' and '2200-01-01 00:00Z'
        and acknowledged_at between '1970-01-01 00:00Z' and '2200-01-01 00:00Z'
    )
);

-- What a local day cost, which starts at ts, beside what it would have cost.
create table if not exists public.settlements (
    household_id           text collate "C" not null,
    ts                     timestamptz not null,
    load_kwh               double precision not null,
    solar_kwh              double precision not null,
    import_kwh             double precision not null,
    export_kwh             double precision not null,
    cycles                 double precision not null,    -- full cycles of the battery
    bill_cents             double precision not null,
    no_battery_cents       double precision not null,
    self_consumption_cents double precision not null,
    best_cents             double precision not null,
    half_hours             double precision not null,    -- of the day that were read
    primary key (household_id, ts),
    constraint settlements_named check (household_id <> ''),
    constraint settlements_grid check (extract(epoch from ts) % 1800 = 0 and ts between '1970-01-01 00:00Z' and '2200-01-01 00:00Z'),
    constraint settlements_range check (
        load_kwh between 0 and 500000 and solar_kwh between 0 and 500000 and import_kwh between 0 and 500000
        and export_kwh between 0 and 500000 and cycles between 0 and 10000 and bill_cents between -1e7 and 1e7
        and no_battery_cents between -1e7 and 1e7 and self_consumption_cents between -1e7 and 1e7
        and best_cents between -1e7 and 1e7 and half_hours between 0 and 50
    )
);

-- What several writes lay down until all of them are there; `commit_staged` moves them into their tables at once.
create table if not exists public.staged (
    batch uuid not null,
    part  integer not null,
    name  text not null check (name in ('tariffs', 'households', 'consumption', 'meters', 'prices', 'forecasts', 'battery_labels', 'states', 'plans', 'commands', 'settlements')),
    rows  jsonb not null,
    at    timestamptz not null default now(),
    primary key (batch, part)
);

create or replace function public.commit_staged(batch_id uuid) returns bigint
language plpgsql security invoker set search_path = '' set statement_timeout = '10min' as $$
declare
    p record;
    cols text;
    keys text;
    change text;
    moved bigint := 0;
begin
    for p in select name, rows from public.staged where batch = batch_id order by part loop
        select string_agg(format('%I', k), ', '), string_agg(format('%1$I = excluded.%1$I', k), ', ')
            into cols, change from jsonb_object_keys(p.rows -> 0) k;
        select string_agg(format('%I', a.attname), ', ') into keys
            from pg_catalog.pg_index i join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = any (i.indkey)
            where i.indisprimary and i.indrelid = format('public.%I', p.name)::regclass;
        execute format(
            'insert into public.%1$I (%2$s) select %2$s from jsonb_populate_recordset(null::public.%1$I, $1) '
            'on conflict (%3$s) do update set %4$s', p.name, cols, keys, change
        ) using p.rows;
        moved := moved + jsonb_array_length(p.rows);
    end loop;
    delete from public.staged where batch = batch_id or at < now() - interval '1 day';
    return moved;
end $$;

create index if not exists households_user_id on public.households (user_id);
create index if not exists consumption_ts on public.consumption (ts);
create index if not exists meters_ts on public.meters (ts);
create index if not exists prices_ts on public.prices (ts);
create index if not exists forecasts_ts on public.forecasts (ts);
create index if not exists forecasts_series_ts on public.forecasts (area, kind, source, ts);
create index if not exists battery_labels_ts on public.battery_labels (ts);
create index if not exists states_ts on public.states (ts);
create index if not exists plans_ts on public.plans (ts);
create index if not exists commands_ts on public.commands (ts);
create index if not exists settlements_ts on public.settlements (ts);

-- What series a table holds, with the first and last interval of each: one look into the index per series,
-- where `select distinct` would read the whole table.
create or replace view public.consumption_series with (security_invoker = on) as
with recursive keys as (
    (select household_id from public.consumption order by household_id limit 1)
    union all
    select n.household_id
    from keys k cross join lateral (
        select household_id from public.consumption c where c.household_id > k.household_id order by household_id limit 1
    ) n
)
select k.household_id,
       (select min(ts) from public.consumption c where c.household_id = k.household_id) as first_ts,
       (select max(ts) from public.consumption c where c.household_id = k.household_id) as last_ts
from keys k;

create or replace view public.meters_series with (security_invoker = on) as
with recursive keys as (
    (select household_id from public.meters order by household_id limit 1)
    union all
    select n.household_id
    from keys k cross join lateral (
        select household_id from public.meters c where c.household_id > k.household_id order by household_id limit 1
    ) n
)
select k.household_id,
       (select min(ts) from public.meters c where c.household_id = k.household_id) as first_ts,
       (select max(ts) from public.meters c where c.household_id = k.household_id) as last_ts
from keys k;

create or replace view public.battery_labels_series with (security_invoker = on) as
with recursive keys as (
    (select household_id from public.battery_labels order by household_id limit 1)
    union all
    select n.household_id
    from keys k cross join lateral (
        select household_id from public.battery_labels c where c.household_id > k.household_id order by household_id limit 1
    ) n
)
select k.household_id,
       (select min(ts) from public.battery_labels c where c.household_id = k.household_id) as first_ts,
       (select max(ts) from public.battery_labels c where c.household_id = k.household_id) as last_ts
from keys k;

create or replace view public.states_series with (security_invoker = on) as
with recursive keys as (
    (select household_id from public.states order by household_id limit 1)
    union all
    select n.household_id
    from keys k cross join lateral (
        select household_id from public.states c where c.household_id > k.household_id order by household_id limit 1
    ) n
)
select k.household_id,
       (select min(ts) from public.states c where c.household_id = k.household_id) as first_ts,
       (select max(ts) from public.states c where c.household_id = k.household_id) as last_ts
from keys k;

create or replace view public.plans_series with (security_invoker = on) as
with recursive keys as (
    (select household_id from public.plans order by household_id limit 1)
    union all
    select n.household_id
    from keys k cross join lateral (
        select household_id from public.plans c where c.household_id > k.household_id order by household_id limit 1
    ) n
)
select k.household_id,
       (select min(ts) from public.plans c where c.household_id = k.household_id) as first_ts,
       (select max(ts) from public.plans c where c.household_id = k.household_id) as last_ts
from keys k;

create or replace view public.commands_series with (security_invoker = on) as
with recursive keys as (
    (select household_id from public.commands order by household_id limit 1)
    union all
    select n.household_id
    from keys k cross join lateral (
        select household_id from public.commands c where c.household_id > k.household_id order by household_id limit 1
    ) n
)
select k.household_id,
       (select min(ts) from public.commands c where c.household_id = k.household_id) as first_ts,
       (select max(ts) from public.commands c where c.household_id = k.household_id) as last_ts
from keys k;

create or replace view public.settlements_series with (security_invoker = on) as
with recursive keys as (
    (select household_id from public.settlements order by household_id limit 1)
    union all
    select n.household_id
    from keys k cross join lateral (
        select household_id from public.settlements c where c.household_id > k.household_id order by household_id limit 1
    ) n
)
select k.household_id,
       (select min(ts) from public.settlements c where c.household_id = k.household_id) as first_ts,
       (select max(ts) from public.settlements c where c.household_id = k.household_id) as last_ts
from keys k;

create or replace view public.prices_series with (security_invoker = on) as
with recursive keys as (
    (select node, market, run from public.prices order by node, market, run limit 1)
    union all
    select n.node, n.market, n.run
    from keys k cross join lateral (
        select node, market, run from public.prices c where (c.node, c.market, c.run) > (k.node, k.market, k.run) order by node, market, run limit 1
    ) n
)
select k.node, k.market, k.run,
       (select min(ts) from public.prices c where c.node = k.node and c.market = k.market and c.run = k.run) as first_ts,
       (select max(ts) from public.prices c where c.node = k.node and c.market = k.market and c.run = k.run) as last_ts,
       (select minutes from public.prices c where c.node = k.node and c.market = k.market and c.run = k.run order by ts desc limit 1) as last_minutes
from keys k;

create or replace view public.forecasts_series with (security_invoker = on) as
with recursive keys as (
    (select area, kind, source from public.forecasts order by area, kind, source limit 1)
    union all
    select n.area, n.kind, n.source
    from keys k cross join lateral (
        select area, kind, source from public.forecasts c where (c.area, c.kind, c.source) > (k.area, k.kind, k.source) order by area, kind, source limit 1
    ) n
)
select k.area, k.kind, k.source,
       (select min(ts) from public.forecasts c where c.area = k.area and c.kind = k.kind and c.source = k.source) as first_ts,
       (select max(ts) from public.forecasts c where c.area = k.area and c.kind = k.kind and c.source = k.source) as last_ts,
       (select minutes from public.forecasts c where c.area = k.area and c.kind = k.kind and c.source = k.source order by ts desc limit 1) as last_minutes
from keys k;

revoke all on public.tariffs, public.households, public.consumption, public.meters, public.prices, public.forecasts, public.battery_labels, public.states, public.plans, public.commands, public.settlements, public.contract, public.staged from anon, authenticated;
revoke all on function public.commit_staged from public, anon, authenticated;
grant execute on function public.commit_staged to service_role;
revoke all on public.consumption_series, public.meters_series, public.prices_series, public.forecasts_series, public.battery_labels_series, public.states_series, public.plans_series, public.commands_series, public.settlements_series from anon, authenticated;
grant select, insert, update, delete on public.tariffs, public.households, public.consumption, public.meters, public.prices, public.forecasts, public.battery_labels, public.states, public.plans, public.commands, public.settlements, public.contract, public.staged to service_role;
grant select on public.tariffs, public.households, public.consumption, public.meters, public.prices, public.forecasts, public.battery_labels, public.states, public.plans, public.commands, public.settlements, public.contract, public.consumption_series, public.meters_series, public.prices_series, public.forecasts_series, public.battery_labels_series, public.states_series, public.plans_series, public.commands_series, public.settlements_series to authenticated;
grant insert, update on public.states to authenticated;
grant select on public.consumption_series, public.meters_series, public.prices_series, public.forecasts_series, public.battery_labels_series, public.states_series, public.plans_series, public.commands_series, public.settlements_series to service_role;

alter table public.contract enable row level security;
alter table public.staged enable row level security;
alter table public.tariffs enable row level security;
alter table public.households enable row level security;
alter table public.consumption enable row level security;
alter table public.meters enable row level security;
alter table public.prices enable row level security;
alter table public.forecasts enable row level security;
alter table public.battery_labels enable row level security;
alter table public.states enable row level security;
alter table public.plans enable row level security;
alter table public.commands enable row level security;
alter table public.settlements enable row level security;

drop policy if exists "signed-in users read the version" on public.contract;
create policy "signed-in users read the version" on public.contract for select to authenticated using (true);

drop policy if exists "signed-in users read tariffs" on public.tariffs;
create policy "signed-in users read tariffs" on public.tariffs for select to authenticated using (true);

drop policy if exists "users read their own households" on public.households;
create policy "users read their own households" on public.households for select to authenticated
    using (user_id = (select auth.uid()));

drop policy if exists "users read the consumption of their households" on public.consumption;
create policy "users read the consumption of their households" on public.consumption for select to authenticated
    using (household_id = any (array(select h.household_id from public.households h where h.user_id = (select auth.uid()))));

drop policy if exists "users read the meters of their households" on public.meters;
create policy "users read the meters of their households" on public.meters for select to authenticated
    using (household_id = any (array(select h.household_id from public.households h where h.user_id = (select auth.uid()))));

drop policy if exists "users read the labels of their households" on public.battery_labels;
create policy "users read the labels of their households" on public.battery_labels for select to authenticated
    using (household_id = any (array(select h.household_id from public.households h where h.user_id = (select auth.uid()))));

drop policy if exists "users read the states of their households" on public.states;
create policy "users read the states of their households" on public.states for select to authenticated
    using (household_id = any (array(select h.household_id from public.households h where h.user_id = (select auth.uid()))));

drop policy if exists "users read the plans of their households" on public.plans;
create policy "users read the plans of their households" on public.plans for select to authenticated
    using (household_id = any (array(select h.household_id from public.households h where h.user_id = (select auth.uid()))));

drop policy if exists "users read the commands of their households" on public.commands;
create policy "users read the commands of their households" on public.commands for select to authenticated
    using (household_id = any (array(select h.household_id from public.households h where h.user_id = (select auth.uid()))));

drop policy if exists "users read the settlements of their households" on public.settlements;
create policy "users read the settlements of their households" on public.settlements for select to authenticated
    using (household_id = any (array(select h.household_id from public.households h where h.user_id = (select auth.uid()))));

drop policy if exists "users add states of their households" on public.states;
create policy "users add states of their households" on public.states for insert to authenticated
    with check (household_id = any (array(select h.household_id from public.households h where h.user_id = (select auth.uid()))));

drop policy if exists "users replace states of their households" on public.states;
create policy "users replace states of their households" on public.states for update to authenticated
    using (household_id = any (array(select h.household_id from public.households h where h.user_id = (select auth.uid()))))
    with check (household_id = any (array(select h.household_id from public.households h where h.user_id = (select auth.uid()))));

drop policy if exists "signed-in users read prices" on public.prices;
create policy "signed-in users read prices" on public.prices for select to authenticated using (true);

drop policy if exists "users read forecasts of the market and of their households" on public.forecasts;
create policy "users read forecasts of the market and of their households" on public.forecasts for select to authenticated
    using (kind not like 'home%' or area = any (array(select h.household_id from public.households h where h.user_id = (select auth.uid()))));

notify pgrst, 'reload schema';
