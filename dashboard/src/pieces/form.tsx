import { Button, Checkbox, NativeSelect, PasswordInput, Textarea, TextInput } from '@mantine/core';
import { createContext, type FormEvent, type ReactNode, useContext, useEffect, useRef } from 'react';
import { fieldError } from '../api/client.ts';
import { isoOf, localOf } from './localTime.ts';
import { ProblemAlert } from './problem.tsx';

/** What the API said of the form that was sent; each field finds there what was said of it. */
const ProblemContext = createContext<unknown>(undefined);

type FormProps = {
  label: string;
  error: unknown;
  busy?: boolean;
  /** It can't be sent, for something else was. */
  disabled?: boolean;
  submit: string;
  danger?: boolean;
  /** Beside the button that sends it. */
  actions?: ReactNode;
  onSubmit: () => void;
  children: ReactNode;
};

/** A form. What the API refuses is shown at its fields, and focus goes to the first of them. */
export function Form(props: FormProps) {
  const { label, error, busy = false, disabled = false, submit, danger = false, actions, onSubmit, children } = props;
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    if (!error) return;
    const wrong = form.current?.querySelector<HTMLElement>('[aria-invalid="true"], [data-problem]');
    const first = form.current?.querySelector<HTMLElement>('[aria-invalid="true"]') ?? wrong;
    first?.focus();
  }, [error]);
  const send = (event: FormEvent) => {
    event.preventDefault();
    if (!busy && !disabled) onSubmit();
  };
  return (
    <form ref={form} aria-label={label} className="stack" noValidate onSubmit={send}>
      {Boolean(error) && <ProblemAlert error={error} />}
      <ProblemContext value={error}>{children}</ProblemContext>
      <div className="row">
        <Button type="submit" loading={busy} disabled={disabled} color={danger ? 'red' : 'blue'}>
          {submit}
        </Button>
        {actions}
      </div>
    </form>
  );
}

type FieldProps = {
  /** As the API names it, for example `auth.username`. */
  name: string;
  label: string;
  hint?: ReactNode;
  value: string;
  onChange: (value: string) => void;
  required?: boolean;
  disabled?: boolean;
};

function useField({ name, label, hint, value, onChange, required = false, disabled = false }: FieldProps) {
  const error = fieldError(useContext(ProblemContext), name);
  return {
    name,
    label,
    value,
    required,
    disabled,
    description: hint,
    error: error ?? false,
    'aria-invalid': error !== undefined,
    onChange: (event: { currentTarget: { value: string } }) => onChange(event.currentTarget.value),
  };
}

type TextProps = FieldProps & { type?: 'text' | 'number' | 'datetime-local' | 'search'; placeholder?: string };

export const TextField = ({ type = 'text', placeholder = '', ...field }: TextProps) => (
  <TextInput {...useField(field)} type={type} placeholder={placeholder} autoComplete="off" spellCheck={false} />
);

/** A time, shown in the reader's zone. Its value is ISO 8601 with a zone, or ''. */
export const TimeField = ({ value, onChange, ...field }: FieldProps) => (
  <TextField
    {...field}
    type="datetime-local"
    value={localOf(value)}
    onChange={(local) => onChange(isoOf(local) ?? '')}
  />
);

export const AreaField = ({ rows = 3, ...field }: FieldProps & { rows?: number }) => (
  <Textarea {...useField(field)} rows={rows} autoComplete="off" spellCheck={false} />
);

/** What is typed can be looked at; what is stored is never shown. */
export const SecretField = (field: FieldProps) => (
  <PasswordInput
    {...useField(field)}
    autoComplete="new-password"
    visibilityToggleButtonProps={{ 'aria-label': `Show ${field.label}`, tabIndex: 0, 'aria-hidden': false }}
  />
);

type ChoiceOption = { value: string; label: string };

export const SelectField = ({ options, ...field }: FieldProps & { options: readonly ChoiceOption[] }) => (
  <NativeSelect {...useField(field)} data={[...options]} />
);

type CheckProps = { label: string; hint?: ReactNode; checked: boolean; onChange: (checked: boolean) => void };

export const CheckField = ({ label, hint, checked, onChange }: CheckProps) => (
  <Checkbox
    label={label}
    description={hint}
    checked={checked}
    onChange={(event) => onChange(event.currentTarget.checked)}
  />
);
