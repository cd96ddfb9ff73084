"""The back office: GraphQL, the console, and the `deskbell` command. Nothing imports it."""
