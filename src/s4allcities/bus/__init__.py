"""NATS JetStream: supervised server, subjects, batch codec and stage runner."""
