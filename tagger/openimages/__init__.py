"""A training folder from Open Images V7: `tagmap` and `plan` choose pictures, `download` fills a `folder` with them."""
