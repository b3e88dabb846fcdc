/** The process that sends loads. */
import { serve } from '../child/serve.ts';
import { type SendJob, type Sent, send } from './sending.ts';

export type SenderMethods = { send(job: SendJob): Promise<Sent> };

serve<SenderMethods>({ send });
