"""Template -> PodSpec: containers with their whole environment, volumes as folders, artifacts with their keys, podSpecPatch as data."""

from __future__ import annotations

import base64

from localargo.artifacts import keys
from localargo.errors import InvalidInput
from localargo.expressions import ExpressionError
from localargo.expressions.tags import substitute
from localargo.manifests.merge import strategic_merge
from localargo.manifests.schema import fits
from localargo.manifests.workflow import parse_quantity, template_type
from localargo.manifests.yaml import load_documents
from localargo.ports import MAIN, Artifact, ArtifactLocation, Container, Doc, Mount, OutputParameter, PodSpec
from localargo.workflows import deadlines, repository
from localargo.workflows.arguments import substitute_params
from localargo.workflows.environment import secret_key, variables
from localargo.workflows.scope import global_params
from localargo.workflows.status import pod_name, text
from localargo.workflows.volumes import volumes_of
from localargo.workflows.work import CallFailed, Pass

GRACE = 30.0  # seconds, Kubernetes' default


def build(p: Pass, node: str, template: Doc, capture: bool) -> PodSpec:
    """The pod of a node. Raises CallFailed for invalid parts."""
    doc = p.node(node)
    name = pod_name(p.name, doc["name"], template.get("name") or "")
    try:
        tree = _patched(p, name, template, _tree(p, template))
        containers = [_container(p, name, _only(tree["containers"]), template)]
        used = list(dict.fromkeys(m.volume for c in containers for m in c.mounts))
        volumes = volumes_of(p, tree.get("volumes") or (), used)
    except (InvalidInput, ExpressionError) as error:
        raise CallFailed(str(error)) from error
    outputs = template.get("outputs") or {}
    location = _Location(p, name, template)
    return PodSpec(
        name=name,
        namespace=p.namespace,
        workflow=p.name,
        node_id=node,
        template=template.get("name") or "",
        containers=containers,
        volumes=volumes,
        inputs=[_input(p, a) for a in (template.get("inputs") or {}).get("artifacts") or () if a.get("path")],
        output_parameters=_output_parameters(outputs),
        output_artifacts=[_output(a, location) for a in outputs.get("artifacts") or () if a.get("path")],
        capture_result=capture,
        deadline=deadlines.pod_deadline(p, node, template),
        stop_at=deadlines.pod_stop(p, node),
        grace_seconds=float(tree.get("terminationGracePeriodSeconds") or GRACE),
        archive_logs_key=location.log_key(),
        owner=p.run.workflow["metadata"].get("uid") or "",
    )


# ------------------------------------------------------------------------------------------ containers


def _tree(p: Pass, template: Doc) -> Doc:
    """The pod as Kubernetes would see it, with the fields that this engine uses."""
    containers = [{**template[template_type(template)], "name": MAIN}]
    volumes = substitute([*(p.spec.get("volumes") or ()), *_claims(p)], global_params(p))
    tree: Doc = {"containers": containers, "volumes": [*volumes, *(template.get("volumes") or ())]}
    return tree


def _claims(p: Pass) -> list[Doc]:
    found = []
    for claim in p.spec.get("volumeClaimTemplates") or ():
        name = (claim.get("metadata") or {}).get("name") or ""
        found.append({"name": name, "persistentVolumeClaim": {"claimName": f"{p.name}-{name}"}, "owned": True})
    return found


def _patched(p: Pass, pod: str, template: Doc, tree: Doc) -> Doc:
    """The pod with the Workflow's patch and then the template's; both may refer to the template's inputs."""
    patches = []
    for patch in (p.spec.get("podSpecPatch"), template.get("podSpecPatch")):
        if patch:
            spoken = {"inputs": template.get("inputs") or {}, "podSpecPatch": text(patch)}
            try:
                patches.append(substitute_params(spoken, global_params(p), {"pod.name": pod})["podSpecPatch"])
            except CallFailed as error:
                raise CallFailed("Failed to substitute the PodSpecPatch variables") from error
    for patch in patches:
        try:
            found = load_documents(patch, "podSpecPatch")
            for document in found:
                _check_patch(document.doc)
                tree = strategic_merge(tree, document.doc)
        except InvalidInput as error:
            raise CallFailed("Error applying PodSpecPatch") from error
    return tree


def _check_patch(patch: Doc) -> None:
    """Refuse a patch that Kubernetes could not read as part of a pod."""
    for kind, definition in (("containers", "k8s.Container"), ("volumes", "k8s.Volume")):
        parts = patch.get(kind) or []
        if not isinstance(parts, list) or not all(isinstance(part, dict) and fits(definition, part) for part in parts):
            raise InvalidInput(f"{kind} of the patch do not fit")
    for part in patch.get("containers") or []:
        asked = part.get("resources") or {}
        for quantity in [*(asked.get("limits") or {}).values(), *(asked.get("requests") or {}).values()]:
            parse_quantity(quantity)


def _only(containers: list[Doc]) -> Doc:
    """The container of the pod. Raises InvalidInput when a patch has added another."""
    more = [str(container.get("name") or "") for container in containers if container.get("name") != MAIN]
    if more:
        raise InvalidInput(f"podSpecPatch adds the container '{more[0]}': a pod is one process here; patch '{MAIN}'")
    return containers[0]


def _container(p: Pass, pod: str, container: Doc, template: Doc) -> Container:
    resources = container.get("resources") or {}
    limits, asked = resources.get("limits") or {}, resources.get("requests") or {}
    source = container.get("source")
    return Container(
        name=MAIN,
        image=container.get("image") or "",
        command=[text(c) for c in container.get("command") or ()],
        args=[text(a) for a in container.get("args") or ()],
        script=source or None,
        env=variables(p, pod, template, container),
        working_dir=container.get("workingDir") or "",
        mounts=[_mount(m) for m in container.get("volumeMounts") or ()],
        memory_bytes=int(parse_quantity(limits["memory"])) if limits.get("memory") is not None else None,
        memory_asked=int(parse_quantity(asked["memory"])) if asked.get("memory") is not None else None,
        cpu=float(parse_quantity(limits["cpu"])) if limits.get("cpu") is not None else None,
    )


def _mount(mount: Doc) -> Mount:
    return Mount(mount.get("name") or "", mount.get("mountPath") or "", mount.get("subPath") or "", bool(mount.get("readOnly")))


# ------------------------------------------------------------------------------------------ artifacts


class _Location:
    """The location of one pod's output artifacts without their own: archiveLocation, else the repository's keyFormat."""

    def __init__(self, p: Pass, pod: str, template: Doc) -> None:
        self._p = p
        self._pod = pod
        self._own = template.get("archiveLocation") or {}
        self._template = template
        self._repository = repository.of(p.head, p.world)

    def prefix(self) -> str:
        key: str | None = (self._own.get("s3") or {}).get("key")
        if key:
            return key
        names = {k: v for k, v in global_params(self._p).items() if v is not None}
        given = (self._template.get("inputs") or {}).get("parameters") or ()
        names |= {f"inputs.parameters.{i['name']}": text(i["value"]) for i in given if i.get("value") is not None}
        key_format = (self._repository.get("s3") or {}).get("keyFormat") or keys.DEFAULT_KEY_FORMAT
        try:
            return keys.render(key_format, {**names, "pod.name": self._pod})
        except InvalidInput as error:
            unknown = next(tag for tag in keys.TAG.findall(key_format) if tag not in names and tag != "pod.name")
            raise CallFailed(f"failed to resolve {{{{{unknown}}}}}") from error

    def placed(self, artifact: Doc) -> Doc:
        s3 = artifact.get("s3")
        if s3 and s3.get("key"):
            return artifact
        key = keys.default_key(self.prefix(), artifact["name"], artifact.get("path") or "", _archive(artifact))
        return {**artifact, "s3": {**(s3 or {}), "key": key}}

    def log_key(self) -> str:
        """The key of the log; empty when logs are not archived. A repository that archives them overrides Workflow and template."""
        said = (self._own.get("archiveLogs"), self._p.spec.get("archiveLogs"))
        wanted = self._repository.get("archiveLogs") or next((each for each in said if each is not None), False)
        return keys.log_key(self.prefix()) if wanted else ""


_ARCHIVES: tuple[keys.Archive, ...] = ("none", "tar", "zip")


def _archive(artifact: Doc) -> keys.Archive:
    archive = artifact.get("archive") or {}
    found: list[keys.Archive] = [kind for kind in _ARCHIVES if archive.get(kind) is not None]
    return found[0] if found else "auto"


def _output(artifact: Doc, location: _Location) -> Artifact:
    placed = location.placed(artifact)
    archive = _archive(artifact)
    level = ((artifact.get("archive") or {}).get("tar") or {}).get("compressionLevel")
    return Artifact(
        name=artifact["name"],
        path=artifact["path"],
        location=ArtifactLocation("s3", key=placed["s3"]["key"], bucket=placed["s3"].get("bucket") or ""),
        optional=bool(artifact.get("optional")),
        archive=archive,
        compression=int(level) if level is not None else None,
        mode=artifact.get("mode"),
    )


def _input(p: Pass, artifact: Doc) -> Artifact:
    return Artifact(
        name=artifact["name"],
        path=artifact["path"],
        location=_where(p, artifact),
        optional=bool(artifact.get("optional")),
        archive=_archive(artifact),
        mode=artifact.get("mode"),
        recurse_mode=bool(artifact.get("recurseMode")),
        sub_path=artifact.get("subPath") or "" if not artifact.get("from") else "",
    )


def _where(p: Pass, artifact: Doc) -> ArtifactLocation | None:
    s3, raw, http = artifact.get("s3"), artifact.get("raw"), artifact.get("http")
    if raw is not None:
        return ArtifactLocation("raw", data=raw.get("data") or "")
    if http:
        return ArtifactLocation("http", key=http.get("url") or "", headers=_headers(p, http))
    if s3 and s3.get("key"):
        return ArtifactLocation("s3", key=s3["key"], bucket=s3.get("bucket") or "")
    return None  # the pod reports whether that is an error


def _headers(p: Pass, http: Doc) -> list[tuple[str, str]]:
    """The headers of the request for a file, including `basicAuth`."""
    found = [(str(header.get("name") or ""), text(header.get("value") or "")) for header in http.get("headers") or ()]
    basic = (http.get("auth") or {}).get("basicAuth") or {}
    user, password = (secret_key(p, basic[field]) if basic.get(field) else "" for field in ("usernameSecret", "passwordSecret"))
    if user and password:
        found.append(("Authorization", "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()))
    return found


def _output_parameters(outputs: Doc) -> list[OutputParameter]:
    found = []
    for parameter in outputs.get("parameters") or ():
        source = parameter.get("valueFrom") or {}
        if source.get("path"):
            default = source.get("default")
            found.append(OutputParameter(parameter["name"], source["path"], None if default is None else text(default)))
    return found
