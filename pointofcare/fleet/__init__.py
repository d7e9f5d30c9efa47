"""How a release reaches hundreds of carts: plan, the life of one cart's update, the rollout that steps, and why a cart is not updating."""
