-- The tables of energymvp in PostgreSQL as version 1 (energymvp 0.1.0) made them: what `sql/from_1.sql` starts from, for tests.
--
-- A new project runs `sql/schema.sql` instead.
-- Times are starts of half hours, energy is kWh per half hour, prices are cents/kWh (1 $/MWh = 0.1 cents/kWh).
--
-- Who sees what: the service role writes and reads everything. A signed-in user reads the prices and the rows of the
-- households whose user_id is theirs. The anon role sees nothing.

create table if not exists public.households (
    household_id    text collate "C" primary key,
    capacity        double precision not null check (capacity > 0),                      -- nameplate energy, kWh
    soc_min         double precision not null check (soc_min >= 0 and soc_min < soc_max), -- state of charge, 0 to 1
    soc_max         double precision not null check (soc_max <= 1),
    charge_power    double precision not null check (charge_power >= 0),                 -- kW on the grid side
    discharge_power double precision not null check (discharge_power >= 0),
    efficiency      double precision not null check (efficiency > 0 and efficiency <= 1), -- round trip
    wear            double precision not null check (wear >= 0),                         -- cents per stored kWh moved
    health          double precision not null check (health > 0 and health <= 1),        -- scales the capacity
    user_id         uuid references auth.users (id) on delete set null                   -- who may read this home's rows
);

create table if not exists public.consumption (
    household_id   text collate "C" not null,
    ts             timestamptz not null check (extract(epoch from ts)::bigint % 1800 = 0),
    ac             double precision not null,
    washing_drying double precision not null,
    fridge         double precision not null,
    ev_charging    double precision not null,
    dishwasher     double precision not null,
    computers      double precision not null,
    stove          double precision not null,
    water_heater   double precision not null,
    misc           double precision not null,
    primary key (household_id, ts)
);

create table if not exists public.prices (
    node            text collate "C" not null,
    market          text collate "C" not null check (market in ('DAM', 'RTM')),
    ts              timestamptz not null check (extract(epoch from ts)::bigint % 1800 = 0),
    price_cents_kwh double precision not null,
    primary key (node, market, ts)
);

create table if not exists public.battery_labels (
    household_id    text collate "C" not null,
    ts              timestamptz not null check (extract(epoch from ts)::bigint % 1800 = 0),
    action          text collate "C" not null check (action in ('buy', 'hold', 'sell')),
    quantity_kwh    double precision not null check (quantity_kwh >= 0),
    soc_kwh         double precision not null,
    price_cents_kwh double precision not null,
    policy          text collate "C" not null,
    primary key (household_id, ts)
);

create index if not exists households_user_id on public.households (user_id);
create index if not exists consumption_ts on public.consumption (ts);
create index if not exists prices_ts on public.prices (ts);
create index if not exists battery_labels_ts on public.battery_labels (ts);

-- What series a table holds, with the first and last half hour of each: one look into the index per series,
-- where `select distinct` would read the whole table.
create or replace view public.consumption_series with (security_invoker = on) as
with recursive keys as (
    (select household_id from public.consumption order by household_id limit 1)
    union all
    select n.household_id
    from keys k cross join lateral (
        select c.household_id from public.consumption c where c.household_id > k.household_id order by c.household_id limit 1
    ) n
)
select k.household_id,
       (select min(ts) from public.consumption c where c.household_id = k.household_id) as first_ts,
       (select max(ts) from public.consumption c where c.household_id = k.household_id) as last_ts
from keys k;

create or replace view public.battery_labels_series with (security_invoker = on) as
with recursive keys as (
    (select household_id from public.battery_labels order by household_id limit 1)
    union all
    select n.household_id
    from keys k cross join lateral (
        select c.household_id from public.battery_labels c where c.household_id > k.household_id order by c.household_id limit 1
    ) n
)
select k.household_id,
       (select min(ts) from public.battery_labels c where c.household_id = k.household_id) as first_ts,
       (select max(ts) from public.battery_labels c where c.household_id = k.household_id) as last_ts
from keys k;

create or replace view public.prices_series with (security_invoker = on) as
with recursive keys as (
    (select node, market from public.prices order by node, market limit 1)
    union all
    select n.node, n.market
    from keys k cross join lateral (
        select p.node, p.market from public.prices p where (p.node, p.market) > (k.node, k.market) order by p.node, p.market limit 1
    ) n
)
select k.node, k.market,
       (select min(ts) from public.prices p where p.node = k.node and p.market = k.market) as first_ts,
       (select max(ts) from public.prices p where p.node = k.node and p.market = k.market) as last_ts
from keys k;

grant all on public.households, public.consumption, public.prices, public.battery_labels to service_role;
grant select on public.households, public.consumption, public.prices, public.battery_labels to anon, authenticated;
grant select on public.consumption_series, public.prices_series, public.battery_labels_series to anon, authenticated, service_role;
revoke insert, update, delete, truncate on public.households, public.consumption, public.prices, public.battery_labels from anon, authenticated;

alter table public.households enable row level security;
alter table public.consumption enable row level security;
alter table public.prices enable row level security;
alter table public.battery_labels enable row level security;

drop policy if exists "users read their own households" on public.households;
create policy "users read their own households" on public.households for select to authenticated
    using (user_id = (select auth.uid()));

drop policy if exists "users read the consumption of their households" on public.consumption;
create policy "users read the consumption of their households" on public.consumption for select to authenticated
    using (household_id = any (array(select h.household_id from public.households h where h.user_id = (select auth.uid()))));

drop policy if exists "users read the labels of their households" on public.battery_labels;
create policy "users read the labels of their households" on public.battery_labels for select to authenticated
    using (household_id = any (array(select h.household_id from public.households h where h.user_id = (select auth.uid()))));

drop policy if exists "signed-in users read prices" on public.prices;
create policy "signed-in users read prices" on public.prices for select to authenticated using (true);

notify pgrst, 'reload schema';
