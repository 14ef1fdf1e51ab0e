"""The live page: what the verbs answer, as pages that a browser shows and that follow what changes.

Nothing is known here that a verb would not say: answers come from the handlers (`questions`), Workflows and events from the place's Argo
Server (`workflows`, `retrain.answers`). It reads; what changes something is asked of the Argo Server like any verb does.
"""
