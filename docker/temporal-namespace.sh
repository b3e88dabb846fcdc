#!/bin/sh
# Makes the namespace and the search attributes of lanes. Closed runs are kept for 30 days: they are the delivery log.
set -eu
until temporal operator cluster health; do sleep 1; done
temporal operator namespace describe -n default >/dev/null 2>&1 || temporal operator namespace create -n default --retention 30d
temporal operator search-attribute create -n default \
  --name DestinationId --type Keyword \
  --name CustomerExternalId --type Keyword \
  --name DeliveryState --type Keyword \
  --name DeadLetters --type Int
