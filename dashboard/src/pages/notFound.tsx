import { ButtonLink } from '../pieces/link.tsx';
import { Page } from '../pieces/page.tsx';

export default function NotFound() {
  return (
    <Page title="There is no such page" lead="The address may be misspelt, or the page is not for this session.">
      <ButtonLink to="/overview" primary>
        Go to the overview
      </ButtonLink>
    </Page>
  );
}
