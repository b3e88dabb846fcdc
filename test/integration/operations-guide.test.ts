import { afterAll, beforeAll, expect, test } from 'vitest';
import { testApi } from '../harness/api.ts';
import { type Causeway, type CreatedDestination, startCauseway, until } from '../harness/causeway.ts';
import { deliveryOf, postEvent, untilDelivery } from '../harness/eventLog.ts';
import { blocksIn, commandsIn, type OperatorsShell, operatorsShell } from '../harness/guide.ts';
import { replayed } from '../harness/replays.ts';
import { signIn } from '../harness/session.ts';

let causeway: Causeway;
let destination: CreatedDestination;
let shell: OperatorsShell;
const run: string[] = [];

beforeAll(async () => {
  causeway = await startCauseway();
  shell = await operatorsShell(causeway);
  destination = await causeway.createDestination({
    topic: await causeway.kafka.newTopic(1, { 'max.message.bytes': '1500' }),
  });
});
afterAll(async () => {
  await causeway.stop();
  await shell.remove();
});

async function post(pad = 0, more: { idempotencyKey?: string } = {}): Promise<string> {
  const { customerExternalId } = destination;
  return postEvent(causeway.api, { eventType: 'e', customerExternalId, payload: { pad: 'x'.repeat(pad) }, ...more });
}
const key = 'order-1001';
const untilStatus = (wanted: string, id: string) =>
  untilDelivery(`${wanted}`, causeway.api, id, ({ status }) => status === wanted);
async function park(): Promise<string> {
  await causeway.kafka.configure(destination.topic, { 'max.message.bytes': '1500' });
  const id = await post(5_000);
  await untilStatus('parked', id);
  await causeway.kafka.configure(destination.topic, { 'max.message.bytes': '1000000' });
  return id;
}

/** Runs a command of the guide by a shell, with the guide's variables; what it printed. */
async function guide(command: string, event = '', more: Record<string, string> = {}): Promise<string> {
  expect(await commandsIn('docs/operations.md', ['temporal', 'causeway'])).toContain(command);
  run.push(command);
  return await shell.run(command, variables(event, more));
}
function variables(event: string, more: Record<string, string> = {}): Record<string, string> {
  const { id, customerExternalId } = destination;
  return { CUSTOMER: customerExternalId, DESTINATION: id, LANE: customerExternalId, EVENT: event, KEY: key, ...more };
}
const untilShown = (command: string, text: string, event?: string): Promise<string> =>
  until(
    `${text} in the answer`,
    () => guide(command, event),
    (out) => out.includes(text),
  );

const lane = '"delivery:$DESTINATION:$LANE"';

test('from "events are missing" to the answer in three commands', async () => {
  const event = await park();
  expect(await guide('causeway destinations list --customer "$CUSTOMER"')).toContain(destination.id);
  const letters = await untilShown('causeway dead-letters "$DESTINATION"', event);
  expect(letters).toContain("Raise the topic's max.message.bytes");
  expect(await guide('causeway lanes "$DESTINATION"')).toMatch(/Parked +0 +1 /);
  expect(await guide('causeway destinations show "$DESTINATION"')).toContain(destination.topic);
  expect(await guide('causeway log "$EVENT"', event)).toContain('MESSAGE_TOO_LARGE');
  await untilStatus('delivered', await post(0, { idempotencyKey: key }));
  expect(await guide('causeway log --customer "$CUSTOMER" --key "$KEY"')).toMatch(
    /delivered after .*partition 0, offset 0/,
  );
  expect(await guide('causeway log "$DESTINATION" --lane "$LANE"')).toContain(`${event} is parked: MESSAGE_TOO_LARGE`);

  const query = `temporal workflow query --workflow-id ${lane} --name`;
  expect(
    await guide(`temporal workflow list --query "DestinationId='$DESTINATION' AND DeliveryState!='Delivering'"`),
  ).toContain(destination.id);
  expect(await guide(`${query} status`)).toContain('"state":"Parked"');
  expect(await guide(`${query} deadLetters`)).toContain(event);
  expect(await guide(`temporal workflow describe --workflow-id ${lane}`)).toContain('Pending Activities: 0');
  expect(await guide(`temporal workflow show --workflow-id ${lane}`)).toContain('ActivityTaskCompleted');
  const counted = await guide(
    `temporal workflow show --workflow-id ${lane} --output json | grep -c activityTaskCompletedEventAttributes`,
  );
  expect(Number(counted)).toBeGreaterThan(0);
});

test('API keys are made, listed, rotated and revoked', async () => {
  const keyIn = (out: string): string => /^cw_[\w-]{43}$/m.exec(out)?.[0] ?? '';
  const key = keyIn(await guide("causeway keys create --name 'orders service' --scope ingest"));
  const posted = (secret: string) =>
    testApi(causeway.api.url, secret).post({ eventType: 'e', customerExternalId: 'acct_none', payload: {} });
  expect((await posted(key)).status).toBe(202);
  const [id = ''] = /key_\w+(?= +orders service)/.exec(await guide('causeway keys list')) ?? [];
  const second = keyIn(await guide('causeway keys rotate "$KEY_ID" --overlap 3600', '', { KEY_ID: id }));
  expect([(await posted(key)).status, (await posted(second)).status]).toEqual([202, 202]);
  await guide('causeway keys revoke "$KEY_ID" --yes', '', { KEY_ID: id });
  expect([(await posted(key)).status, (await posted(second)).status]).toEqual([401, 401]);
});

test('a portal link is made, listed and deleted', async () => {
  const made = await guide(`causeway portal-link "$CUSTOMER" --permission manage_destinations --name 'Ada of Acme'`);
  const portalToken = /#([\w-]{43})$/m.exec(made)?.[1] ?? '';
  const { request } = await signIn(causeway.api.url, { portalToken });
  expect((await request('GET', `/v1/destinations/${destination.id}`)).status).toBe(200);
  const [id = ''] = /plk_[\w-]+/.exec(await guide('causeway portal-links list --customer "$CUSTOMER"')) ?? [];
  await guide('causeway portal-links delete "$LINK_ID"', '', { LINK_ID: id });
  expect((await request('GET', `/v1/destinations/${destination.id}`)).status).toBe(401);
});

test('a reset of a paused lane sends nothing twice, unless its reason says so', async () => {
  const sent = async () => (await causeway.kafka.records(destination.topic)).length;
  const signal = `temporal workflow signal --workflow-id ${lane} --name`;
  await guide(`${signal} replay`); // What is parked would be tried again.
  await untilStatus('delivered', await post());
  const before = await sent();
  await guide(`${signal} pause --input '{"reason": "maintenance", "by": "ada"}'`);
  await untilShown(`temporal workflow describe --workflow-id ${lane}`, 'Pending Activities: 0');
  const reset = `temporal workflow reset --workflow-id ${lane} --type FirstWorkflowTask --reason`;
  await guide(`${reset} 'a defect was mended'`);
  await guide(`${signal} resume`);
  await untilStatus('delivered', await post());
  expect(await sent()).toBe(before + 1);
  await guide(`${reset} 'send again: the customer lost the topic'`);
  await untilStatus('delivered', await post());
  expect(await sent()).toBeGreaterThan(before + 2);
});

test("replay and discard, with Temporal's CLI and with ours", async () => {
  const signal = `temporal workflow signal --workflow-id ${lane} --name`;
  const note = (reason: string) =>
    `--input "{\\"ids\\": [\\"$EVENT\\"], \\"reason\\": \\"${reason}\\", \\"by\\": \\"ada\\"}"`;
  const one = await park();
  await guide(`${signal} replay ${note('limit raised')}`, one);
  const { interventions } = await untilStatus('delivered', one);
  expect(interventions).toMatchObject([{ kind: 'replay', reason: 'limit raised', by: 'ada' }]);

  const all = await park();
  await guide(`${signal} replay`);
  await untilStatus('delivered', all);

  const listed = async (id: string) => {
    await untilShown('causeway dead-letters "$DESTINATION"', id);
    return id;
  };
  const batch = await listed(await park());
  const begun = await guide(
    `temporal workflow signal --yes --query "DestinationId='$DESTINATION' AND DeadLetters>0" --name replay --input '{"all": true, "by": "ada"}' --reason 'limit raised'`,
  );
  await untilStatus('delivered', batch);
  const [job = 'no job'] = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/.exec(begun) ?? [];
  expect(await untilShown('temporal batch list', job)).toMatch(new RegExp(`${job} +(Running|Completed) `));

  const unwanted = await park();
  await guide(`${signal} discard ${note('a test event')}`, unwanted);
  await untilStatus('discarded', unwanted);

  const allUnwanted = await listed(await park());
  await guide(
    `temporal workflow signal --yes --query "DestinationId='$DESTINATION' AND DeadLetters>0" --name discard --input '{"all": true, "by": "ada"}' --reason 'test events'`,
  );
  expect(await untilStatus('discarded', allUnwanted)).toMatchObject({
    interventions: [{ kind: 'discard', by: 'ada' }],
  });

  const ours = await park();
  await guide(`causeway replay "$DESTINATION" "$EVENT" --reason 'limit raised'`, ours);
  await untilStatus('delivered', ours);
  const more = await listed(await park());
  await guide(`causeway replay "$DESTINATION" --all --reason 'limit raised'`);
  await untilStatus('delivered', more);
  const given = await park();
  await guide(`causeway discard "$DESTINATION" "$EVENT" --reason 'a test event' --yes`, given);
  await untilStatus('discarded', given);

  const ofType = { eventType: 'order.test', customerExternalId: destination.customerExternalId };
  const kept = await listed(await park());
  const before = { TO: new Date().toISOString() };
  const dry = 'causeway discard "$DESTINATION" --event-type order.test --parked-to "$TO" --dry-run';
  expect(await guide(dry, '', before)).toMatch(/^events +0$/m);
  await causeway.kafka.configure(destination.topic, { 'max.message.bytes': '1500' });
  const test = await postEvent(causeway.api, { ...ofType, payload: { pad: 'x'.repeat(5_000) } });
  await untilStatus('parked', test);
  await causeway.kafka.configure(destination.topic, { 'max.message.bytes': '1000000' });
  await listed(test);
  expect(await guide(dry, '', { TO: '2999-01-01T00:00:00Z' })).toMatch(/^events +1$/m);
  const bulk = `causeway discard "$DESTINATION" --error MESSAGE_TOO_LARGE --reason 'test events' --yes`;
  expect(await guide(bulk)).toMatch(/^status +done\nevents +2$/m);
  for (const id of [kept, test]) await untilStatus('discarded', id);
});

test('what was delivered is replayed, watched, cancelled and continued', async () => {
  const sent = async () => (await causeway.kafka.records(destination.topic)).length;
  const before = await sent();
  const times = { FROM: new Date().toISOString(), TO: '2999-01-01T00:00:00Z' };
  const { customerExternalId } = destination;
  const ofType = { eventType: 'order.paid', customerExternalId, payload: {} };
  const [first, second] = [await postEvent(causeway.api, ofType), await post()];
  for (const id of [first, second]) await untilStatus('delivered', id);
  const counted = 'causeway replay "$DESTINATION" --status delivered --accepted-from "$FROM" --dry-run';
  expect(await guide(counted, '', times)).toMatch(/^events +2$/m);
  expect(await sent()).toBe(before + 2);
  const begun = await guide(
    'causeway replay "$DESTINATION" --status delivered --event-type order.paid --accepted-from "$FROM" --accepted-to "$TO" --rate 500 --reason \'the customer lost records\'',
    '',
    times,
  );
  expect(begun).toMatch(/^events +1$/m);
  await guide(
    `causeway replay "$DESTINATION" "$EVENT" --status delivered --reason 'the customer lost records'`,
    second,
    times,
  );
  await until('both to be there again', sent, (count) => count === before + 4);

  const slow = await causeway.api.request('POST', '/v1/replays', {
    ...{ destinationId: destination.id, status: 'delivered', eventsPerSecond: 1 },
  });
  const replay = { REPLAY: (slow.body as { id: string }).id };
  const show = 'causeway replays show "$REPLAY"';
  const untilStatusOf = (status: string) =>
    until(
      `the replay is ${status}`,
      () => guide(show, '', replay),
      (out) => new RegExp(`^status +${status}$`, 'm').test(out),
    );
  await untilStatusOf('running');
  expect(await guide('temporal workflow query --workflow-id "replay:$REPLAY" --name progress', '', replay)).toContain(
    '"eventsPerSecond":1',
  );
  await guide('temporal workflow cancel --workflow-id "replay:$REPLAY"', '', replay);
  await untilStatusOf('cancelled');
  const goingOn = guide('causeway replays continue "$REPLAY" --follow', '', replay);
  await untilStatusOf('running');
  await guide('causeway replays cancel "$REPLAY"', '', replay);
  expect(await goingOn).toMatch(/^status +cancelled$/m);
});

/** A command of the guide that is too long to stand here, by what it alone has. */
async function commandWith(part: string): Promise<string> {
  const commands = (await commandsIn('docs/operations.md', ['temporal', 'causeway'])).filter((one) =>
    one.includes(part),
  );
  expect(commands).toHaveLength(1);
  return commands[0] ?? '';
}

test('an event is found by its id with temporal alone, and a replay of what was delivered is begun by it', async () => {
  const sent = async () => (await causeway.kafka.records(destination.topic)).length;
  const FROM = new Date().toISOString();
  const [definitions = '', found = ''] = (await blocksIn('docs/operations.md', "An event's history")).slice(1);
  const large = 20_000; // It is compressed in Temporal.
  for (const [n, pad] of [0, large].entries()) {
    const id = await post(pad);
    const { offset } = await untilStatus('delivered', id);
    const [RUN = '', WORKFLOW = '', ...others] = (await shell.run(definitions, variables(id))).trim().split(/\s+/);
    expect([WORKFLOW, others]).toEqual([`delivery:${destination.id}:${destination.customerExternalId}`, []]);
    const [functions = ''] = definitions.split('runs_with "$EVENT"');
    const history = await shell.run(`${functions}${found}`, variables(id, { RUN, WORKFLOW }));
    expect(history).toMatch(new RegExp(`"landed":.*"offsets":\\[${offset}\\]`));

    const before = await sent();
    const REPLAY = `rpl_byHand${n}`;
    await guide(await commandWith('\\"named\\": '), id, { RUN, WORKFLOW, REPLAY });
    const result = await guide('temporal workflow result --workflow-id "replay:$REPLAY"', id, { REPLAY });
    expect(result).toMatch(/"status": ?"done"/);
    await until('it to be there again', sent, (count) => count === before + 1);
    const { interventions } = await deliveryOf(causeway.api, id);
    expect(interventions).toMatchObject([{ kind: 'replay', replayId: REPLAY, reason: 'they lost it', by: 'ada' }]);
  }
  const counting = { FROM, REPLAY: 'rpl_counting' };
  await guide(await commandWith('\\"dryRun\\": true'), '', counting);
  expect(await replayed(causeway.api, { id: counting.REPLAY })).toMatchObject({ status: 'done', events: 2 });

  const typo = (await commandWith('\\"dryRun\\": true')).replace('acceptedFrom', 'acceptedFrm');
  const wrong = { FROM, REPLAY: 'rpl_typo' };
  await shell.run(typo, variables('', wrong));
  await expect(shell.run('temporal workflow result --workflow-id "replay:$REPLAY"', wrong)).rejects.toMatchObject({
    stdout: expect.stringContaining('filter.acceptedFrm is not known. Expected: destinationId, customerExternalId'),
  });
});

test("a destination that is disabled, one that is paused, and an event whose history is deleted are shown as the guide's table says", async () => {
  const list = 'causeway destinations list --customer "$CUSTOMER"';
  const path = `/v1/destinations/${destination.id}`;
  await causeway.api.request('PATCH', path, { enabled: false });
  expect(await guide(list)).toMatch(/ disabled$/m);
  await causeway.api.request('PATCH', path, { enabled: true });
  await guide(`causeway pause "$DESTINATION" --reason 'the customer moves the topic'`);
  expect(await guide(list)).toMatch(/ paused since \d{4}-\d\d-\d\d .* by \S+ /m);
  await guide('causeway resume "$DESTINATION"');

  const event = await post(0, { idempotencyKey: 'long-ago' });
  await untilStatus('delivered', event);
  // As retention does it, a day or a month later.
  await shell.run(`temporal workflow delete --workflow-id ${lane}`, variables(event));
  await untilShown('causeway log "$EVENT"', 'expired', event);
  const byKey = await guide('causeway log --customer "$CUSTOMER" --key "$KEY"', '', { KEY: 'long-ago' });
  expect(byKey).toMatch(/: expired\n(.|\n)*Temporal has deleted the history \(the namespace's retention\)/);
});

test('pause and resume, of a destination, a lane and a customer', async () => {
  await guide(`causeway pause "$DESTINATION" --reason 'the customer moves the topic'`);
  const first = await post();
  await untilStatus('paused', first);
  expect(await guide('temporal workflow query --workflow-id "destination:$DESTINATION" --name status')).toContain(
    'DESTINATION_PAUSED',
  );
  await guide('causeway resume "$DESTINATION"');
  await untilStatus('delivered', first);

  const signal = `temporal workflow signal --workflow-id ${lane} --name`;
  const pause = `${signal} pause --input '{"reason": "maintenance", "by": "ada"}'`;
  await guide(pause);
  const second = await post();
  await untilStatus('paused', second);
  await guide(`${signal} resume`);
  await untilStatus('delivered', second);

  await guide(pause);
  const third = await post();
  await untilShown('causeway lanes "$DESTINATION"', 'Paused');
  await guide(
    `temporal workflow signal --yes --query "CustomerExternalId='$CUSTOMER' AND DeliveryState='Paused'" --name resume --reason 'maintenance is over'`,
  );
  await untilStatus('delivered', third);
});

test('what waits in the places for slow destinations is shown, and who polls them', async () => {
  const shown = await guide('temporal task-queue describe --task-queue "$QUEUE:slow" --task-queue-type activity');
  expect(shown).toMatch(/ApproximateBacklogCount/);
  expect(shown).toMatch(/^\s+UNVERSIONED\s+activity\s+\d+@/m);
});

test('each command of the guide was run', async () => {
  expect(new Set(run)).toEqual(new Set(await commandsIn('docs/operations.md', ['temporal', 'causeway'])));
});
