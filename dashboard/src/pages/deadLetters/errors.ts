/** The errors that dead letters have: docs/failures.md. The API names them, too, where another one is asked for. */
export const parkingErrors = [
  'MESSAGE_TOO_LARGE',
  'RECORD_LIST_TOO_LARGE',
  'INVALID_RECORD',
  'INVALID_TIMESTAMP',
  'POLICY_VIOLATION',
  'CORRUPT_MESSAGE',
  'SEGMENT_MISSING',
  'SEGMENT_UNREADABLE',
  'UNFORESEEN',
  'UNKNOWN',
] as const;
