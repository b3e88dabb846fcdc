import { WorkflowNotFoundError } from '@temporalio/client';

const grpcNotFound = 5;

/** Whether Temporal has no such workflow or run: the client's own error for it, or gRPC's. */
export const isNotFound = (error: unknown): boolean =>
  error instanceof WorkflowNotFoundError ||
  (typeof error === 'object' && error !== null && 'code' in error && error.code === grpcNotFound);
