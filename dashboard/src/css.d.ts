// Styles go into the bundle's own file.
declare module '*.css';
