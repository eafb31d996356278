"""A training folder from Open Images V7: `tagmap` and `plan` say which pictures, `download` gets them, `web` asks."""
