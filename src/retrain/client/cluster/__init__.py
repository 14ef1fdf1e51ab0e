"""A cluster by the Kubernetes API alone: Argo's documents, and the pods, events and Secrets beside them.

`workflows.ArgoOnKubernetes` is an `ArgoServer`. It does what Argo's own command line does without an Argo Server: creates, lists,
watches and patches Workflows, and reads the logs of their pods. The package `kubernetes` is imported only in `kubeconfig`.
"""
