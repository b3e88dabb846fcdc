#!/bin/sh
# Makes the namespace and the search attributes of lanes. Closed runs are kept for 30 days: they are the delivery log.
set -eu

# Temporal's frontends learn of a new namespace some seconds after it was made.
patiently() {
  tries=1
  until "$@"; do
    [ "$tries" -lt 60 ] || exit 1
    tries=$((tries + 1))
    sleep 1
  done
}

patiently temporal operator cluster health
temporal operator namespace describe -n default >/dev/null 2>&1 || temporal operator namespace create -n default --retention 30d
patiently temporal operator search-attribute create -n default \
  --name DestinationId --type Keyword \
  --name CustomerExternalId --type Keyword \
  --name DeliveryState --type Keyword \
  --name DeadLetters --type Int
