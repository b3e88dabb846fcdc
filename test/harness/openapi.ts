import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { Answer } from './api.ts';

type Media = { schema?: unknown; example?: unknown };
export type Operation = {
  security?: Record<string, string[]>[];
  requestBody?: { content: Record<string, Media> };
  responses: Record<string, { content?: Record<string, Media> }>;
};
export type Description = {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, { example?: unknown }>; securitySchemes: Record<string, unknown> };
};

/** Every operation of the description. */
export const operationsOf = ({ paths }: Description) =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ name: `${method.toUpperCase()} ${path}`, operation })),
  );

/** The examples of an operation's request body, each with its content type. */
export function requestExamples(description: Description, operation: Operation): { type: string; example: unknown }[] {
  return Object.entries(operation.requestBody?.content ?? {}).map(([type, { schema, example }]) => {
    const name = /"\$ref":"#\/components\/schemas\/(\w+)"/.exec(JSON.stringify(schema))?.[1] ?? '';
    return { type, example: example ?? description.components.schemas[name]?.example };
  });
}

const pointerPart = (name: string): string => encodeURIComponent(name.replaceAll('~', '~0').replaceAll('/', '~1'));

/** Tells how an answer departs from what the description says of it; undefined where it does not. */
export function answerCheck(description: Description) {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats.default(ajv);
  ajv.addSchema(description, 'description');
  return (operation: string, { status, headers, body }: Answer): string | undefined => {
    const [method = '', path = ''] = operation.split(' ');
    const response = description.paths[path]?.[method.toLowerCase()]?.responses[String(status)];
    if (!response) return `${operation} says nothing of status ${status}`;
    if (!response.content) return body === undefined ? undefined : `${operation} ${status} is said to have no body`;
    const type = headers.get('content-type')?.split(';')[0] ?? '';
    if (!response.content[type]) return `${operation} ${status} says nothing of ${type}`;
    const place = ['paths', path, method.toLowerCase(), 'responses', String(status), 'content', type, 'schema'];
    const validate = ajv.compile({ $ref: `description#/${place.map(pointerPart).join('/')}` });
    return validate(body) ? undefined : `${operation} ${status}: ${ajv.errorsText(validate.errors)}`;
  };
}
