type ChoicesProps = {
  label: string;
  options: readonly { value: string; label: string }[];
  value: string;
  onChange: (value: string) => void;
};

/** One of a few, chosen at once. */
export const Choices = ({ label, options, value, onChange }: ChoicesProps) => (
  <fieldset className="choices">
    <legend className="sr">{label}</legend>
    {options.map((option) => (
      <button
        key={option.value}
        type="button"
        className="choice"
        aria-pressed={option.value === value}
        onClick={() => onChange(option.value)}
      >
        {option.label}
      </button>
    ))}
  </fieldset>
);
