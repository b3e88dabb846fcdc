import { useMutation, useQueryClient } from '@tanstack/react-query';

/** Something that changes what is stored: afterwards all that is shown is asked for anew. */
export function useSend<Input, Answer>(send: (input: Input) => Promise<Answer>) {
  const client = useQueryClient();
  return useMutation({ mutationFn: send, onSettled: () => client.invalidateQueries() });
}
