// A front end that reads money, against the types generated from /openapi.json. It is compiled, never run.
// Beside it the test compiles a copy in which every line that names a `…_fen` spells it wrong: none of them may compile.
import createClient from "openapi-fetch";
import type { paths } from "./schema";

const client = createClient<paths>({ baseUrl: "/" });
const at = { params: { path: { household: "GZ01-1-0101" } } };

function answer<Body>(reply: { data?: Body; error?: unknown }): Body {
  if (reply.data === undefined) throw reply.error;
  return reply.data;
}

function fen(amount: number): void {
  if (!Number.isSafeInteger(amount)) throw new TypeError("money is integer fen");
}

function rate(share: number | null): void {
  if (share !== null && (share < 0 || share > 1)) throw new RangeError("a rate is 0 to 1");
}

function text(words: string | null | undefined): void {
  if (words === "") throw new TypeError("what is not there is null, never empty");
}

export async function statement(): Promise<void> {
  const statement = answer(await client.GET("/v1/households/{household}/statement", at));
  fen(statement.principal_fen);
  fen(statement.late_fee_fen);
  fen(statement.credit_fen);
  fen(statement.total_due_fen);
  for (const open of statement.bills) {
    fen(open.amount_fen);
    fen(open.outstanding_fen);
    fen(open.late_fee_fen);
    fen(open.waived_fen);
    fen(open.late_fee_waived_fen);
  }
}

export async function bills(): Promise<void> {
  for (const bill of answer(await client.GET("/v1/households/{household}/bills", at)).items) {
    fen(bill.amount_fen);
    fen(bill.outstanding_fen);
  }
}

export async function arrears(): Promise<void> {
  const page = answer(await client.GET("/v1/arrears", { params: { query: { estate: "GZ01", limit: 500 } } }));
  for (const household of page.items) {
    fen(household.overdue_fen);
    fen(household.disputed_fen);
    fen(household.late_fee_fen);
  }
  text(page.next_cursor);
}

export async function collectionRates(): Promise<void> {
  for (const row of answer(await client.GET("/v1/collection-rates")).items) {
    fen(row.billed_fen);
    fen(row.collected_fen);
    fen(row.waived_fen);
    rate(row.rate);
  }
}

export async function pay(amount: number): Promise<void> {
  const household = "GZ01-1-0101";
  const payment = answer(
    await client.POST("/v1/payments", {
      body: { household, channel: "cash", amount_fen: amount },
    }),
  );
  fen(payment.amount_fen);
}

export async function estate(): Promise<void> {
  const estate = answer(await client.GET("/v1/estates/{estate}", { params: { path: { estate: "GZ01" } } }));
  text(estate.name);
  text(estate.late_fee_clause);
  const homes: number = estate.households;
  text(`${homes} homes`);
}

export async function complaint(complaint_id: string): Promise<void> {
  const at = { params: { path: { complaint_id } } };
  const complaint = answer(await client.GET("/v1/complaints/{complaint_id}", at));
  text(complaint.status);
  text(complaint.clocks.respond_target_by);
  for (const step of complaint.history) text(step.action);
}
