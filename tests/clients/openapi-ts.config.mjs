// hey-api: zod schemas only. Instants carry an offset. An int64 is a number: JSON.parse reads it so, and every amount and
// id of ours is far below 2^53; left to itself the plugin makes it a bigint, and takes text for one.
const asNumber = (ctx) => {
  ctx.utils.shouldCoerceToBigInt = () => false;
};

export default {
  input: "./openapi.json",
  output: "./validators",
  plugins: [{ name: "zod", dates: { offset: true }, $resolvers: { number: asNumber } }],
};
