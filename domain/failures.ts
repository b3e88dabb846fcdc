export type Kind = 'transient' | 'outcomeUnknown' | 'destinationAtFault' | 'recordAtFault';
