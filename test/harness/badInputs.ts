/** What can be wrong with what each command of `causeway` is given. */
import type { RunOptions } from './cli.ts';

const nobody = `evt_${'A'.repeat(22)}`;

/** What is wrong with it, what is typed, how it ends, and what it says: the field, the reason, the remedy. */
export type Row = [wrong: string, args: string[], code: number, says: RegExp, options?: RunOptions];
export type Bad = { right: string[]; rows: Row[]; withoutTemporal?: number };

const noDestination = /No destination has the id "dst_none".*lists those that there are/;
const noDestinationId = /"evt_x" is no destination's id: dst_…/;
const limit = (args: string[]): Row => ['too large', [...args, '--limit', '100001'], 2, /--limit.*1 to 100000/];
const notes = (args: string[]): Row[] => [
  ['empty', [...args, '--reason', ''], 2, /reason is too short: expected a string of 1 to 500/],
  ['empty', [...args, '--by', ''], 2, /by is too short: expected a string of 1 to 200/],
];
/** A destination, an event that is parked in its lane `a`, and one that is delivered. */
type Ids = { id: string; parked: string; unparked: string };

const ofDestination = (...more: string[]): { unknown: Row; malformed: Row; missing: Row } => ({
  unknown: ['unknown', ['dst_none', ...more], 3, noDestination],
  malformed: ['malformed', ['evt_x', ...more], 2, noDestinationId],
  missing: ['missing', [], 2, /missing required argument 'destination'/],
});

const selecting = ({ id, parked, unparked }: Ids, ...yes: string[]): Bad => ({
  right: [id, parked, ...yes],
  rows: [
    ...Object.values(ofDestination('--all', ...yes)),
    ['unknown', [id, nobody, ...yes], 3, new RegExp(`none was accepted.*${nobody}.*Nothing was changed`)],
    ['malformed', [id, 'evt_x', ...yes], 2, /"evt_x" is no event's id: evt_ and 22 characters/],
    ['one of two', [id, parked, nobody, ...yes], 3, new RegExp(nobody)],
    ['not parked', [id, unparked, ...yes], 1, new RegExp(`not parked: ${unparked}.*Nothing was changed`)],
    ['empty selector', [id, ...yes], 2, /Nothing is selected: name events, or --lane <lane>, or --all/],
    ['two selectors', [id, parked, '--all', ...yes], 2, /More than one selection is given/],
    ['too many', [id, ...Array<string>(201).fill(nobody), ...yes], 2, /ids has too many entries.*1 to 200 event ids/],
    ['unknown', [id, '--lane', 'none', ...yes], 3, /no open lane "none".*lists those that are open/],
    ['empty', [id, '--lane', '', ...yes], 2, /lane is too short: expected the name of a lane/],
    ['malformed', [id, '--all', '--once', 'a key', ...yes], 2, /--once.*1 to 128 of A-Z/],
    ...notes([id, '--all', ...yes]),
  ],
});

const noon = '2026-01-15T12:00:00Z';
const noTime = (field: string): RegExp => new RegExp(`${field}.*expected a time, for example`);
/** The selectors of a replay in the background. */
const filters = (...args: string[]): Row[] => [
  ['none of them', [...args, '--status', 'lost'], 2, /--status.*Allowed choices are parked, delivered, any/],
  ['empty', [...args, '--customer', ''], 2, /customerExternalId is too short/],
  ['not to be found', [...args, '--customer', 'a"b'], 2, /customerExternalId can not be looked for.*destinationId/],
  ['empty', [...args, '--event-type', ''], 2, /eventType is too short/],
  ['empty', [...args, '--error', ''], 2, /error is none of the allowed values: expected.*MESSAGE_TOO_LARGE/],
  ['unknown', [...args, '--error', 'TOO_LARGE'], 2, /error is none of the allowed values: expected.*MESSAGE_TOO_LARGE/],
  ['no time', [...args, '--accepted-from', 'noon'], 2, noTime('acceptedFrom')],
  ['no time', [...args, '--accepted-to', 'noon'], 2, noTime('acceptedTo')],
  ['no time', [...args, '--parked-from', 'noon'], 2, noTime('parkedFrom')],
  ['no time', [...args, '--parked-to', 'noon'], 2, noTime('parkedTo')],
  ['no time between', [...args, '--accepted-from', noon, '--accepted-to', noon], 2, /acceptedTo ends before it begins/],
  ['no time between', [...args, '--parked-from', noon, '--parked-to', noon], 2, /parkedTo ends before it begins/],
  ['out of range', [...args, '--rate', '10001'], 2, /eventsPerSecond is too large.*1 to 10000/],
  ['no number', [...args, '--rate', '1e3'], 2, /--rate.*whole number of 1 or more/],
  ['no number', [...args, '--max', '0'], 2, /--max.*whole number of 1 or more/],
  ['malformed', [...args, '--once', 'a key'], 2, /--once.*1 to 128 of A-Z/],
];

const pausing = (id: string): Bad => ({
  right: [id, '--lane', 'a'],
  rows: [
    ...Object.values(ofDestination()),
    ['unknown', [id, '--lane', 'none'], 3, /no open lane "none".*lists those that are open/],
    ['empty', [id, '--lane', ''], 2, /lane is too short: expected the name of a lane/],
    ...notes([id]),
  ],
});

const noKey = `key_${'0'.repeat(32)}`;
const ofKey = (...yes: string[]): Bad => ({
  ...{ right: [noKey, ...yes], withoutTemporal: 3 },
  rows: [
    ['unknown', [noKey, ...yes], 3, /There is no API key/],
    ['malformed', ['dst_x', ...yes], 2, /"dst_x" is no API key's id: key_…/],
    ['missing', [], 2, /missing required argument 'key'/],
  ],
});

const rpl = 'rpl_Jx1nW0b3Qw6mO2m0';
const ofReplay: Bad = {
  right: [rpl],
  rows: [
    ['unknown', [rpl], 3, /No replay has this id, or it is over and its history is deleted/],
    ['malformed', ['evt_x'], 2, /"evt_x" is no replay's id: rpl_…/],
    ['missing', [], 2, /missing required argument 'replay'/],
  ],
};

/** What asks the store itself, without the API. */
const withoutStore = (args: string[]): Row[] => [
  ['no settings', args, 2, /DATABASE_URL.*CAUSEWAY_SECRET_KEYS/],
  [
    'store away',
    args,
    5,
    /Postgres at .* can't be used/,
    {
      env: {
        DATABASE_URL: 'postgres://a:b@127.0.0.1:9/c',
        CAUSEWAY_SECRET_KEYS: `k1:${Buffer.alloc(32).toString('base64')}`,
      },
    },
  ],
];

/** Every command, and what can be wrong with what it is given. */
export const badInputs = (ids: Ids): Record<string, Bad> => badInputsOf(ids, ids.id);

const badInputsOf = (ids: Ids, id: string): Record<string, Bad> => ({
  'destinations list': {
    ...{ right: [], withoutTemporal: 0 },
    rows: [
      ['empty', ['--customer', ''], 2, /customerExternalId is too short: expected a string of 1 to 255/],
      ['control character', ['--customer', 'a\tb'], 2, /customerExternalId holds a control character/],
      limit([]),
    ],
  },
  'destinations show': { right: [id], withoutTemporal: 0, rows: Object.values(ofDestination()) },
  'destinations test': { right: [id], withoutTemporal: 0, rows: Object.values(ofDestination()) },
  lanes: {
    right: [id],
    rows: [
      ...Object.values(ofDestination()),
      ['none of them', [id, '--state', 'Lost'], 2, /--state.*Allowed choices are Delivering/],
      limit([id]),
    ],
  },
  'dead-letters': { right: [id], rows: [...Object.values(ofDestination()), limit([id])] },
  replay: {
    right: [id, ids.parked],
    rows: [
      ...selecting(ids).rows.filter(([wrong]) => wrong !== 'missing'),
      ['missing', [], 2, /Nothing is selected: name a destination, or --customer/],
      ['two selectors', [id, '--all', '--status', 'any'], 2, /--lane and --all are for dead letters alone/],
      ...filters(id),
    ],
  },
  discard: {
    right: [id, ids.parked, '--yes'],
    rows: [
      ...selecting(ids, '--yes').rows.filter(([wrong]) => wrong !== 'missing'),
      ['missing', [], 2, /Nothing is selected: name a destination, or --customer/],
      ['two selectors', [id, '--all', '--status', 'parked', '--yes'], 2, /--lane and --all are for dead letters alone/],
      ...filters(id, '--yes'),
    ],
  },
  'replays start': {
    right: ['--destination', id],
    rows: [
      ['unknown', ['--destination', 'dst_none'], 3, noDestination],
      ['malformed', ['--destination', 'evt_x'], 3, /No destination has the id "evt_x"/],
      ['malformed', ['--event', 'evt_x'], 2, /"evt_x" is no event's id/],
      ['empty selector', [], 2, /Nothing is selected: give --destination or --customer/],
      ...filters('--destination', id),
      ...notes(['--destination', id]),
    ],
  },
  'replays show': ofReplay,
  'replays continue': ofReplay,
  'replays cancel': ofReplay,
  pause: pausing(id),
  resume: pausing(id),
  log: {
    right: [id, '--lane', 'a'],
    rows: [
      ['unknown', [nobody], 3, new RegExp(`No event ${nobody} is known.*accepted before 20.*while the store was away`)],
      ['malformed', ['evt_x'], 2, /"evt_x" is no event's id: evt_ and 22 characters/],
      ['missing', [], 2, /Which event\? Give its id .*--customer and --key/],
      ['half', ['--customer', 'acct'], 2, /Which event\?/],
      ['half', ['--key', ''], 2, /Which event\?/],
      [
        'unknown',
        ['--customer', 'acct', '--key', 'none'],
        3,
        /No event evt_.{22} is known\. .*accepted before 20.*letter by letter/,
      ],
      ['no lane', [id], 2, /Which lane\? Add --lane <lane>/],
      ['unknown', [id, '--lane', 'none'], 3, /Temporal has no lane none.*causeway lanes\) lists those that are open/],
      ['empty', [id, '--lane', ''], 2, /lane is too short: expected the name of a lane/],
      ['unknown', ['dst_none', '--lane', 'a'], 3, noDestination],
      limit([id, '--lane', 'a']),
    ],
  },
  'portal-link': {
    ...{ right: ['acct_none'], withoutTemporal: 0 },
    rows: [
      ['missing', [], 2, /missing required argument 'customer'/],
      ['empty', [''], 2, /customerExternalId is too short: expected a string of 1 to 255/],
      ['malformed', ['a\tb'], 2, /customerExternalId holds a control character/],
      [
        'unknown',
        ['a', '--permission', 'write'],
        2,
        /--permission.*Allowed choices are read, manage_destinations, replay/,
      ],
      [
        'too short',
        ['a', '--lifetime', '59'],
        2,
        /lifetimeSeconds is too small: expected a whole number of seconds from 60/,
      ],
      ['too long', ['a', '--lifetime', '604801'], 2, /lifetimeSeconds is too large: .*to 604800/],
      ['no number', ['a', '--lifetime', '1h'], 2, /lifetimeSeconds is a string: expected a whole number of seconds/],
      ['empty', ['a', '--name', ''], 2, /name is too short: expected a string of 1 to 100/],
    ],
  },
  'portal-links list': {
    ...{ right: [], withoutTemporal: 0 },
    rows: [['empty', ['--customer', ''], 2, /customerExternalId is too short/], limit([])],
  },
  'portal-links delete': {
    ...{ right: [`plk_${'A'.repeat(16)}`], withoutTemporal: 3 },
    rows: [
      ['unknown', [`plk_${'A'.repeat(16)}`], 3, /No portal link has this id.*lists them/],
      ['malformed', ['dst_x'], 2, /"dst_x" is no portal link's id: plk_…/],
      ['missing', [], 2, /missing required argument 'link'/],
    ],
  },
  'keys list': { right: [], withoutTemporal: 0, rows: [limit([])] },
  'keys create': {
    ...{ right: ['--name', 'a service', '--scope', 'ingest'], withoutTemporal: 0 },
    rows: [
      ['missing', ['--name', 'a'], 2, /--scope <scope...>' not specified/],
      ['missing', ['--scope', 'read'], 2, /--name <name>' not specified/],
      ['none of them', ['--name', 'a', '--scope', 'write'], 2, /Allowed choices are ingest, read, manage/],
      ['empty', ['--name', '', '--scope', 'read'], 2, /name is too short/],
      ['no number', ['--name', 'a', '--scope', 'read', '--rate', 'many'], 2, /requestsPerSecond.*1 to 100000/],
      ['over', ['--name', 'a', '--scope', 'read', '--expires', '2020-01-01T00:00:00Z'], 2, /expiresAt.*time to come/],
      ['no time', ['--name', 'a', '--scope', 'read', '--expires', 'soon'], 2, /expiresAt.*time to come/],
    ],
  },
  'keys rotate': {
    ...ofKey(),
    rows: [
      ...ofKey().rows,
      ['too long', [noKey, '--overlap', '9999999'], 2, /overlapSeconds.*0 to 604800/],
      ['no number', [noKey, '--overlap', 'long'], 2, /overlapSeconds.*whole number/],
    ],
  },
  'keys revoke': ofKey('--yes'),
  audit: {
    ...{ right: ['--subject', 'dst_none'], withoutTemporal: 0 },
    rows: [
      ['empty', ['--subject', ''], 2, /subject is too short: expected a string of 1 to 100/],
      ['control character', ['--subject', 'dst\tx'], 2, /subject holds a control character/],
      ['empty', ['--key-id', ''], 2, /keyId is too short: expected a string of 1 to 100/],
      ['too long', ['--key-id', 'k'.repeat(101)], 2, /keyId is too long: expected a string of 1 to 100/],
      ['too much', ['dst_none'], 2, /too many arguments/],
      limit([]),
    ],
  },
  doctor: { right: [], rows: [['too much', ['all'], 2, /too many arguments/]], withoutTemporal: 1 },
  completion: { right: ['bash'], rows: [['another shell', ['fish'], 2, /Allowed choices are bash, zsh/]] },
  'secrets reseal': { right: [], rows: withoutStore([]) },
  'secrets forget-payload-key': {
    right: ['p1'],
    rows: [...withoutStore(['p1']), ['missing', [], 2, /missing required argument 'id'/]],
  },
});
