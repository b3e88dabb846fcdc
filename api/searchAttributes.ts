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

/** Which of them the namespace lacks, and the command that adds all. */
export async function missingSearchAttributes(client: Client): Promise<{ missing: string[]; command: string }> {
  const { namespace } = client.options;
  const known = await client.connection.operatorService.listSearchAttributes({ namespace });
  const missing = Object.keys(searchAttributesToAdd).filter((name) => !(name in (known.customAttributes ?? {})));
  return { missing, command: commandFor(namespace) };
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
