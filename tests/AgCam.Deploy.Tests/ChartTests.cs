using System.Text.Json.Nodes;

namespace AgCam.Deploy.Tests;

/// <summary>Every object of the chart, decoded strictly into Kubernetes' own types.</summary>
public sealed class ChartTests
{
    /// <summary>A cluster with everything switched on.</summary>
    private const string All = """
        broker: {tlsSecret: broker-tls, clientCertificate: true, prefix: ours, hearEvents: false, workerKey: worker}
        store: {tlsSecret: store-tls, clientCertificate: true, serverName: mongo.internal}
        setup: {mode: job, existingSecret: agcam-setup}
        models: {vit: /models/vit}
        modelVolume: {persistentVolumeClaim: {claimName: models}}
        images: {roots: [/images], volume: {nfs: {server: files, path: /export}}, hosts: [images.example.org], networks: [10.1.0.0/16]}
        image: {tag: "1", pullSecrets: [registry]}
        api: {options: {Api__MaxPending: 100}, tolerations: [{key: a, operator: Exists}], nodeSelector: {a: b}, affinity: {podAntiAffinity: {}}}
        worker: {device: cuda, maxBatch: 64, warmUp: [vit], gpu: {enabled: true, runtimeClassName: nvidia}, tolerations: [{key: b, operator: Exists}], nodeSelector: {gpu: h200}}
        networkPolicy: {from: [{namespaceSelector: {matchLabels: {name: mlops}}}], extraEgress: [{to: [{ipBlock: {cidr: 10.2.0.0/16}}]}]}
        serviceAccount: {annotations: {role: reader}}
        telemetry: {otlpEndpoint: "http://collector:4317", prometheus: true}
        serviceMonitor: {enabled: true, labels: {release: prometheus}}
        keda: {enabled: true, existingSecret: agcam-keda, key: address}
        """;

    [Theory(SkipUnless = nameof(Tool.IsThere), SkipType = typeof(Tool), Skip = Tool.Skipped)]
    [InlineData("", "Deployment Service NetworkPolicy PodDisruptionBudget PodDisruptionBudget ServiceAccount Pod Deployment")]
    [InlineData("{networkPolicy: {enabled: false}, pdb: {enabled: false}, serviceAccount: {create: false}, setup: {mode: none}}", "Deployment Service Pod Deployment")]
    [InlineData(
        All,
        "Deployment Service NetworkPolicy PodDisruptionBudget PodDisruptionBudget TriggerAuthentication ScaledObject ServiceAccount Service ServiceMonitor Job Pod Deployment")]
    public void Every_object_is_one_that_Kubernetes_would_take(string values, string kinds) =>
        Assert.Equal(kinds.Split(' ').Order(), Chart.Render(Chart.Least, values).Select(node => (string)node["kind"]!).Order());

    [Theory(SkipUnless = nameof(Tool.IsThere), SkipType = typeof(Tool), Skip = Tool.Skipped)]
    [InlineData("brker: {}", "brker")]
    [InlineData("worker: {gpu: {enable: true}}", "worker.gpu.enable")]
    [InlineData("api: {replicas: two}", "api.replicas")]
    [InlineData("api: {options: {Apy__MaxPending: 1}}", "Apy__MaxPending")]
    [InlineData("broker: {prefix: Ours}", "broker.prefix")]
    [InlineData("broker: {existingSecret: \"\"}", "name the secret with the broker's address")]
    [InlineData("store: {existingSecret: \"\"}", "name the secret with the store's address")]
    [InlineData("setup: {mode: job}", "setup.existingSecret")]
    [InlineData("api: {keys: []}", "api.keys")]
    [InlineData("serviceMonitor: {enabled: true}", "needs telemetry.prometheus")]
    [InlineData("store: {clientCertificate: true}", "store.tlsSecret")]
    [InlineData("{store: {tlsSecret: store-tls, clientCertificate: true}, keda: {enabled: true}}", "keda.existingSecret")]
    [InlineData("worker: {tolerations: [{key: a, efect: NoSchedule}]}", "efect")]
    [InlineData("modelVolume: {persistentVolumeClaim: {claim: models}}", "claim")]
    [InlineData("podSecurityContext: {runAsNonRot: true}", "runAsNonRot")]
    public void A_misspelt_value_or_field_and_a_missing_one_are_refused_by_name(string values, string named) =>
        Assert.Contains(named, Chart.Refused(Chart.Least, values));

    [Theory(SkipUnless = nameof(Tool.IsThere), SkipType = typeof(Tool), Skip = Tool.Skipped)]
    [InlineData("")]
    [InlineData("drain: {workerSeconds: 100, consumerStopSeconds: 110, stopSeconds: 120, shutdownSeconds: 130, preStopSeconds: 10, graceSeconds: 150}")]
    public void The_times_of_a_stop_fit_together(string values)
    {
        var objects = Chart.Render(Chart.Least, values);
        foreach (var part in new[] { "api", "worker" })
        {
            var pod = PodOf(objects.Of("Deployment", $"try-agcam-{part}"));
            var environment = Environment(Container(pod));
            var (consumers, stop, shutdown) = (Number("Pipeline__ConsumerStopSeconds"), Number("Pipeline__StopSeconds"), Number("Pipeline__ShutdownSeconds"));
            var before = part == "api" ? int.Parse((string)Container(pod)["lifecycle"]!["preStop"]!["exec"]!["command"]![1]!) : 0;
            Assert.True(consumers <= stop && stop <= shutdown && before + shutdown < (int)pod["terminationGracePeriodSeconds"]!);
            if (part == "worker")
                Assert.True(Number("Worker__DrainSeconds") < consumers);

            int Number(string name) => int.Parse(environment[name]!);
        }
    }

    [Theory(SkipUnless = nameof(Tool.IsThere), SkipType = typeof(Tool), Skip = Tool.Skipped)]
    [InlineData("{workerSeconds: 30}")]
    [InlineData("{consumerStopSeconds: 31}")]
    [InlineData("{shutdownSeconds: 20}")]
    [InlineData("{graceSeconds: 40}")]
    public void Times_of_a_stop_that_do_not_fit_are_refused(string drain) => Assert.Contains("graceSeconds, must hold", Chart.Refused(Chart.Least, $"drain: {drain}"));

    [Theory(SkipUnless = nameof(Tool.IsThere), SkipType = typeof(Tool), Skip = Tool.Skipped)]
    [InlineData("")]
    [InlineData(All)]
    public void Every_container_may_do_as_little_as_can_be_and_gets_secrets_as_files(string values)
    {
        foreach (var pod in Chart.Render(Chart.Least, values).Select(PodOf).Where(pod => pod is not null))
        {
            Assert.False((bool)pod["automountServiceAccountToken"]!);
            Assert.True((bool)pod["securityContext"]!["runAsNonRoot"]!);
            foreach (var container in Containers(pod))
            {
                var context = container["securityContext"]!;
                Assert.True((bool)context["readOnlyRootFilesystem"]!);
                Assert.False((bool)context["allowPrivilegeEscalation"]!);
                Assert.Equal("ALL", (string?)context["capabilities"]!["drop"]![0]);
                Assert.Empty(Settings.Unknown(Environment(container).Keys));
                Assert.All(container["env"]?.AsArray() ?? [], variable => Assert.Null(variable!["valueFrom"])); // a secret in the environment shows in the process list
                Assert.Empty(container["volumeMounts"]!.AsArray().Select(mount => (string)mount!["name"]!).Except(pod["volumes"]!.AsArray().Select(volume => (string)volume!["name"]!)));
            }
        }
    }

    [Fact(SkipUnless = nameof(Tool.IsThere), SkipType = typeof(Tool), Skip = Tool.Skipped)]
    public void A_broker_that_is_down_restarts_nothing()
    {
        var objects = Chart.Render(Chart.Least);
        foreach (var part in new[] { "api", "worker" })
        {
            var container = Container(PodOf(objects.Of("Deployment", $"try-agcam-{part}")));
            Assert.Equal("/health/live", (string?)container["livenessProbe"]!["httpGet"]!["path"]); // what it asks is in the API's and the worker's own tests
            Assert.Equal("/health/ready", (string?)container["readinessProbe"]!["httpGet"]!["path"]);
            var port = (string)container["livenessProbe"]!["httpGet"]!["port"]!;
            Assert.Contains(container["ports"]!.AsArray(), named => (string?)named!["name"] == port);
        }
        var worker = Container(PodOf(objects.Of("Deployment", "try-agcam-worker")));
        Assert.Equal("http://*:8081/", Environment(worker)["Worker__HealthListen"]);
        Assert.Equal(120, (int)worker["startupProbe"]!["failureThreshold"]!);
    }

    [Fact(SkipUnless = nameof(Tool.IsThere), SkipType = typeof(Tool), Skip = Tool.Skipped)]
    public void A_worker_with_a_GPU_asks_for_one_and_tolerates_its_nodes()
    {
        var pod = PodOf(Chart.Render(Chart.Least, All).Of("Deployment", "try-agcam-worker"));
        Assert.Equal("1", (string?)Container(pod)["resources"]!["limits"]!["nvidia.com/gpu"]);
        Assert.Equal("8Gi", (string?)Container(pod)["resources"]!["limits"]!["memory"]);
        Assert.Equal(["b", "nvidia.com/gpu"], pod["tolerations"]!.AsArray().Select(toleration => (string)toleration!["key"]!));
        Assert.Equal("nvidia", (string?)pod["runtimeClassName"]);
        Assert.Null(Container(PodOf(Chart.Render(Chart.Least).Of("Deployment", "try-agcam-worker")))["resources"]!["limits"]!["nvidia.com/gpu"]);
    }

    [Fact(SkipUnless = nameof(Tool.IsThere), SkipType = typeof(Tool), Skip = Tool.Skipped)]
    public void Where_a_job_sets_up_the_processes_only_verify()
    {
        var objects = Chart.Render(Chart.Least, All);
        var setup = PodOf(objects.Of("Job", "try-agcam-setup"));
        Assert.Equal(["topology apply", "store migrate"], Containers(setup).Select(container => string.Join(' ', container["args"]!.AsArray().Select(argument => (string)argument!))));
        Assert.Equal("agcam-setup", (string?)setup["volumes"]![1]!["projected"]!["sources"]![0]!["secret"]!["name"]);
        foreach (var part in new[] { "api", "worker" })
        {
            var environment = Environment(Container(PodOf(objects.Of("Deployment", $"try-agcam-{part}"))));
            Assert.Equal(("Verify", "false"), (environment["Pipeline__Topology"], environment["Pipeline__MigrateStore"]));
        }
        var plain = Environment(Container(PodOf(Chart.Render(Chart.Least).Of("Deployment", "try-agcam-api"))));
        Assert.Equal(("Apply", "true"), (plain["Pipeline__Topology"], plain["Pipeline__MigrateStore"]));
    }

    [Fact(SkipUnless = nameof(Tool.IsThere), SkipType = typeof(Tool), Skip = Tool.Skipped)]
    public void Workers_are_scaled_on_chunks_that_are_not_done()
    {
        var objects = Chart.Render(Chart.Least, All);
        var trigger = objects.Of("ScaledObject", "try-agcam-worker")["spec"]!["triggers"]![0]!;
        Assert.Equal(("mongodb", "chunks"), ((string?)trigger["type"], (string?)trigger["metadata"]!["collection"]));
        var states = JsonNode.Parse((string)trigger["metadata"]!["query"]!)!["state"]!["$in"]!.AsArray().Select(state => Enum.Parse<Pipeline.Records.ChunkState>((string)state!));
        Assert.Equal([Pipeline.Records.ChunkState.Planned, Pipeline.Records.ChunkState.Published, Pipeline.Records.ChunkState.Leased], states);
        Assert.Null(objects.Of("Deployment", "try-agcam-worker")["spec"]!["replicas"]); // else every upgrade would undo the scaling
    }

    [Theory(SkipUnless = nameof(Tool.IsThere), SkipType = typeof(Tool), Skip = Tool.Skipped)]
    [InlineData("Bus", "bus-tls", "broker-tls", null)]
    [InlineData("Store", "store-tls", "store-tls", "mongo.internal")]
    public void Certificates_come_as_files_of_a_secret(string name, string volume, string secret, string? serverName)
    {
        var pod = PodOf(Chart.Render(Chart.Least, All).Of("Deployment", "try-agcam-worker"));
        var environment = Environment(Container(pod));
        var folder = (string?)Container(pod)["volumeMounts"]!.AsArray().Single(mount => (string?)mount!["name"] == volume)!["mountPath"];
        Assert.Equal(secret, (string?)pod["volumes"]!.AsArray().Single(mounted => (string?)mounted!["name"] == volume)!["secret"]!["secretName"]);
        Assert.Equal(($"{folder}/ca.crt", $"{folder}/tls.crt", $"{folder}/tls.key"), (environment[$"Pipeline__{name}Tls__CaFile"], environment[$"Pipeline__{name}Tls__CertificateFile"], environment[$"Pipeline__{name}Tls__KeyFile"]));
        Assert.Equal(serverName, environment.GetValueOrDefault($"Pipeline__{name}Tls__ServerName"));
    }

    [Theory(SkipUnless = nameof(Tool.IsThere), SkipType = typeof(Tool), Skip = Tool.Skipped)]
    [InlineData(Chart.Least, "agcam-store", "store")]
    [InlineData(All, "agcam-keda", "address")]
    public void KEDA_has_the_address_of_the_store_or_one_of_its_own(string values, string secret, string key)
    {
        var parameter = Chart.Render(Chart.Least, values, "keda: {enabled: true}").Of("TriggerAuthentication", "try-agcam-store")["spec"]!["secretTargetRef"]![0]!;
        Assert.Equal((secret, key), ((string?)parameter["name"], (string?)parameter["key"]));
    }

    [Fact(SkipUnless = nameof(Tool.IsThere), SkipType = typeof(Tool), Skip = Tool.Skipped)]
    public void Selectors_find_their_pods()
    {
        var objects = Chart.Render(Chart.Least, All);
        foreach (var part in new[] { "api", "worker" })
        {
            var deployment = objects.Of("Deployment", $"try-agcam-{part}");
            var labels = deployment["spec"]!["template"]!["metadata"]!["labels"]!.AsObject();
            foreach (var selector in new[]
            {
                deployment["spec"]!["selector"]!["matchLabels"]!,
                objects.Of("PodDisruptionBudget", $"try-agcam-{part}")["spec"]!["selector"]!["matchLabels"]!,
                objects.Of("NetworkPolicy", "try-agcam")["spec"]!["podSelector"]!["matchLabels"]!,
            })
                Assert.All(selector.AsObject(), label => Assert.Equal((string?)label.Value, (string?)labels[label.Key]));
        }
        var monitored = objects.Of("ServiceMonitor", "try-agcam")["spec"]!["selector"]!["matchLabels"]!.AsObject();
        Assert.All(monitored, label => Assert.Equal((string?)label.Value, (string?)objects.Of("Service", "try-agcam-metrics")["metadata"]!["labels"]![label.Key]));
    }

    private static JsonNode PodOf(JsonNode node) => ((string?)node["kind"] == "Pod" ? node["spec"] : node["spec"]?["template"]?["spec"])!;

    private static IEnumerable<JsonNode> Containers(JsonNode pod) => (pod["initContainers"]?.AsArray() ?? []).Concat(pod["containers"]!.AsArray()).Select(container => container!);

    private static JsonNode Container(JsonNode pod) => Assert.Single(pod["containers"]!.AsArray())!;

    private static Dictionary<string, string?> Environment(JsonNode container) =>
        (container["env"]?.AsArray() ?? []).ToDictionary(variable => (string)variable!["name"]!, variable => (string?)variable!["value"]);
}
