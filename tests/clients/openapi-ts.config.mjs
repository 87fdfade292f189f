// hey-api: zod schemas only. Instants carry an offset.
export default {
  input: "./openapi.json",
  output: "./validators",
  plugins: [{ name: "zod", dates: { offset: true } }],
};
