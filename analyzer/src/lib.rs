//! Lake to analysis: today's bill, and what each alternative would have cost.
