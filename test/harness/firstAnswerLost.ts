import { InterceptingCall, type Interceptor, status } from '@grpc/grpc-js';

export type FirstAnswerLost = {
  interceptor: Interceptor;
  /** Of each request of this kind, in order. */
  requestIds: string[];
};

/** Lets the first call of a method reach the server, waits for its good answer, and gives UNAVAILABLE in place of it. */
export function firstAnswerLost(method: string): FirstAnswerLost {
  const requestIds: string[] = [];
  const interceptor: Interceptor = (options, nextCall) => {
    if (!options.method_definition.path.endsWith(`/${method}`)) return new InterceptingCall(nextCall(options));
    let isFirst = false;
    return new InterceptingCall(nextCall(options), {
      start: (metadata, _listener, next) =>
        next(metadata, {
          onReceiveStatus: (answer, pass) =>
            pass(
              isFirst && answer.code === status.OK ? { ...answer, code: status.UNAVAILABLE, details: 'lost' } : answer,
            ),
        }),
      sendMessage: (message, next) => {
        isFirst = requestIds.length === 0;
        requestIds.push(String(message.requestId));
        next(message);
      },
    });
  };
  return { interceptor, requestIds };
}
