#!/usr/bin/with-contenv bashio
# shellcheck shell=bash
# The loop, with the broker that Home Assistant knows. Secrets go by the environment.
set -euo pipefail

MQTT_PASSWORD=$(bashio::services mqtt password)
export MQTT_PASSWORD
if bashio::config.has_value supabase_key; then
    SUPABASE_URL=$(bashio::config supabase_url)
    SUPABASE_KEY=$(bashio::config supabase_key)
    export SUPABASE_URL SUPABASE_KEY
fi

exec /opt/energymvp/bin/energymvp run \
    --store "$(bashio::config store)" \
    --household "$(bashio::config household)" \
    --tariff "$(bashio::config tariff)" \
    --every "$(bashio::config every)" \
    --mqtt "mqtt://$(bashio::services mqtt username)@$(bashio::services mqtt host):$(bashio::services mqtt port)" \
    --metrics 0.0.0.0:9464 \
    --log words
