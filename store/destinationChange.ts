/** What a person may say of a destination. */
import { type Destination, type Secrets, secretFields } from '../domain/destination.ts';
import type { SecretsChange } from './destinationSecrets.ts';

/** What a person decides about a destination; the rest is the store's. */
export type DestinationSettings = Omit<
  Destination,
  | 'id'
  | 'version'
  | 'createdAt'
  | 'updatedAt'
  | 'hashesKeys'
  | 'lanesHeldUntil'
  | 'lanesChangedAt'
  | 'paused'
  | 'deletedAt'
>;
export type NewDestination = DestinationSettings & { secrets: Secrets };

/** Fields that are absent stay. A secret that is `null` is removed. */
export type DestinationChange = Partial<Omit<DestinationSettings, 'customerExternalId' | 'type'>> & {
  secrets?: SecretsChange;
};

export const changesCredentials = ({ auth, secrets = {} }: DestinationChange): boolean =>
  auth !== undefined || secretFields.some((field) => secrets[field] !== undefined);
