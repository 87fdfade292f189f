"""What is urged for, how often, and how long a promise to pay is waited for (D1, D3, ADR 21)."""
