import type { Client } from '@temporalio/client';
import proto from '@temporalio/proto';
import { CausewayError } from '../domain/error.ts';
import { searchAttributeTypes } from '../domain/lane.ts';

const valueType = proto.temporal.api.enums.v1.IndexedValueType;
const typeOf = { Keyword: valueType.INDEXED_VALUE_TYPE_KEYWORD, Int: valueType.INDEXED_VALUE_TYPE_INT };
export const searchAttributesToAdd = Object.fromEntries(
  Object.entries(searchAttributeTypes).map(([name, type]) => [name, typeOf[type]]),
);
const grpcAlreadyExists = 6;

/** What is not as lanes need it: `missing` ones, those of another type, and the commands that mend each. */
export type AttributesFound = { missing: string[]; ofAnotherType: string[]; removal: string; command: string };

/** Rejects as Temporal does. */
export async function missingSearchAttributes(client: Client): Promise<AttributesFound> {
  const { namespace } = client.options;
  const { customAttributes: known } = await client.connection.operatorService.listSearchAttributes({ namespace });
  const all = Object.entries(searchAttributesToAdd);
  const missing = all.filter(([name]) => !(name in (known ?? {}))).map(([name]) => name);
  const others = all.filter(([name, type]) => name in (known ?? {}) && known?.[name] !== type).map(([name]) => name);
  const named = others.map((name) => `--name ${name}`).join(' ');
  const removal = `temporal operator search-attribute remove --yes --namespace ${namespace} ${named}`;
  return { missing, ofAnotherType: others, removal, command: commandFor(namespace) };
}

function commandFor(namespace: string): string {
  const flags = Object.entries(searchAttributeTypes).map(([name, type]) => `--name ${name} --type ${type}`);
  return `temporal operator search-attribute create --namespace ${namespace} ${flags.join(' ')}`;
}

/**
 * Sees to it that the namespace knows the search attributes of lanes: without them Temporal refuses every event.
 * Throws `search_attributes_missing` with the command that adds them where this process may not.
 */
export async function ensureSearchAttributes(client: Client): Promise<void> {
  const { namespace } = client.options;
  try {
    const { missing } = await missingSearchAttributes(client);
    if (missing.length === 0) return;
    const searchAttributes = Object.fromEntries(
      Object.entries(searchAttributesToAdd).filter(([name]) => missing.includes(name)),
    );
    await client.connection.operatorService.addSearchAttributes({ namespace, searchAttributes });
  } catch (cause) {
    if (typeof cause === 'object' && cause !== null && 'code' in cause && cause.code === grpcAlreadyExists) return;
    const remedy = `Namespace ${namespace} lacks search attributes. Run: ${commandFor(namespace)}`;
    throw new CausewayError('search_attributes_missing', remedy, { cause });
  }
}
