import { Button } from '@mantine/core';
import type { ReactNode } from 'react';
import { Link } from 'wouter';

/** Goes to another page, and looks like a button. */
export const ButtonLink = ({
  to,
  primary = false,
  children,
}: {
  to: string;
  primary?: boolean;
  children: ReactNode;
}) => (
  <Button component={Link} href={to} variant={primary ? 'filled' : 'default'}>
    {children}
  </Button>
);

export const destinationPath = (id: string): string => `/destinations/${encodeURIComponent(id)}`;
export const deliveryPath = (eventId: string): string => `/deliveries/${encodeURIComponent(eventId)}`;
/** Where the log of a lane is. Its name may be any partition key; the id of its workflow has it, or what stands for it. */
export function laneLogPath(workflowId: string, name?: string): string {
  const [, destinationId = '', ...rest] = workflowId.split(':');
  return `${destinationPath(destinationId)}/lane?${new URLSearchParams({ lane: name ?? rest.join(':') })}`;
}
