/** Causeway's sign: a road over arches. */
export const Mark = () => (
  <svg viewBox="0 0 32 32" aria-hidden="true" focusable="false">
    <rect width="32" height="32" rx="7" fill="#1d4ed8" />
    <path
      d="M5 21h22M5 21c3-9 8-9 11 0 3-9 8-9 11 0"
      fill="none"
      stroke="#fff"
      strokeWidth="2.6"
      strokeLinecap="round"
      strokeLinejoin="round"
    />
  </svg>
);
