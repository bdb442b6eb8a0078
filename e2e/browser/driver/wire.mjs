// The names of the published component and of the script's object, which belong to the protocol.
const wire = "finch";
const title = wire[0].toUpperCase() + wire.slice(1);

export const hook = `use${title}Connect`;
export const object = `${title}Connect`;
export const versionHeader = `${title}-API-Version`;
