import { Connection } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import proto from '@temporalio/proto';
import { searchAttributeTypes } from '../../domain/lane.ts';

const { IndexedValueType } = proto.temporal.api.enums.v1;
const indexedTypes = {
  Keyword: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
  Int: IndexedValueType.INDEXED_VALUE_TYPE_INT,
} as const;

export type NamespaceNeeds = {
  address: string;
  namespace: string;
  /** How long closed runs are kept. Only given for a server of our own. */
  retentionDays?: number;
  /** Whether search attributes that are missing are registered. */
  searchAttributes?: boolean;
};

async function addSearchAttributes(connection: Connection, namespace: string): Promise<void> {
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  const missing = Object.entries(searchAttributeTypes).filter(([name]) => !(name in (customAttributes ?? {})));
  if (missing.length === 0) return;
  await connection.operatorService.addSearchAttributes({
    namespace,
    searchAttributes: Object.fromEntries(missing.map(([name, type]) => [name, indexedTypes[type]])),
  });
}

/** Makes a namespace fit for Causeway: its search attributes, and how long closed runs are kept. */
export async function prepareNamespace(needs: NamespaceNeeds): Promise<void> {
  const { address, namespace, retentionDays, searchAttributes = true } = needs;
  const connection = await Connection.connect({ address, connectTimeout: '10 seconds' });
  try {
    if (searchAttributes) await addSearchAttributes(connection, namespace);
    if (retentionDays === undefined) return;
    await connection.workflowService.updateNamespace({
      namespace,
      config: { workflowExecutionRetentionTtl: msToTs(retentionDays * 24 * 3_600_000) },
    });
  } finally {
    await connection.close();
  }
}
