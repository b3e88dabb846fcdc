import { Button, useComputedColorScheme, useMantineColorScheme } from '@mantine/core';

/** Dark or light; until one is chosen it is as the system has it. */
export function SchemeSwitch() {
  const { setColorScheme } = useMantineColorScheme();
  const now = useComputedColorScheme('light', { getInitialValueInEffect: false });
  const other = now === 'dark' ? 'light' : 'dark';
  return (
    <Button size="xs" variant="default" onClick={() => setColorScheme(other)} aria-label={`Switch to ${other} colours`}>
      {other === 'dark' ? 'Dark' : 'Light'}
    </Button>
  );
}
