import { Page } from '../pieces/page.tsx';

export default function Overview() {
  return <Page title="Overview">…</Page>;
}
