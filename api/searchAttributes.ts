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

/**
 * Sees to it that the namespace knows the search attributes of lanes: without them Temporal refuses every event.
 * Throws `search_attributes_missing` with the command that adds them where this process may not.
 */
export async function ensureSearchAttributes(client: Client): Promise<void> {
  const { namespace } = client.options;
  const operator = client.connection.operatorService;
  try {
    const known = await operator.listSearchAttributes({ namespace });
    const missing = Object.entries(searchAttributesToAdd).filter(([name]) => !(name in (known.customAttributes ?? {})));
    if (missing.length === 0) return;
    const searchAttributes = Object.fromEntries(missing);
    await operator.addSearchAttributes({ namespace, searchAttributes });
  } catch (cause) {
    if (typeof cause === 'object' && cause !== null && 'code' in cause && cause.code === grpcAlreadyExists) return;
    const flags = Object.entries(searchAttributeTypes).map(([name, type]) => `--name ${name} --type ${type}`);
    const remedy = `Namespace ${namespace} lacks search attributes. Run: temporal operator search-attribute create --namespace ${namespace} ${flags.join(' ')}`;
    throw new CausewayError('search_attributes_missing', remedy, { cause });
  }
}
