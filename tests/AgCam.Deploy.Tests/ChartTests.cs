using System.Text.Json.Nodes;

namespace AgCam.Deploy.Tests;

/// <summary>Decodes every object of the chart strictly into Kubernetes' types.</summary>
public sealed class ChartTests
{
    /// <summary>Values that enable everything.</summary>
    private const string All = """
        broker: {tlsSecret: broker-tls, clientCertificate: true, prefix: ours, subscribeToEvents: false, workerKey: worker}
        store: {tlsSecret: store-tls, clientCertificate: true, serverName: mongo.internal}
        setup: {mode: job, existingSecret: agcam-setup}
        models: {vit: /models/vit}
        modelVolume: {persistentVolumeClaim: {claimName: models}}
        images: {roots: [/images], volume: {nfs: {server: files, path: /export}}, hosts: [images.example.org], networks: [10.1.0.0/16]}
        image: {tag: "1", pullSecrets: [registry]}
        api:
          options: {Api__MaxPending: 100, Pipeline__Webhooks__SecretFile: /etc/agcam/extra/agcam-hooks/secret}
          tlsSecret: api-tls
          extraSecrets: [agcam-hooks]
          extraVolumes: [{name: cache, emptyDir: {}}]
          extraVolumeMounts: [{name: cache, mountPath: /cache}]
          envFrom: [{configMapRef: {name: agcam-more}}]
          tolerations: [{key: a, operator: Exists}]
          nodeSelector: {a: b}
          affinity: {podAntiAffinity: {}}
        worker:
          device: cuda
          maxBatch: 64
          warmUp: [vit]
          gpu: {enabled: true, runtimeClassName: nvidia}
          extraSecrets: [agcam-s3]
          extraVolumes: [{name: scratch, emptyDir: {sizeLimit: 2Gi}}]
          extraVolumeMounts: [{name: scratch, mountPath: /scratch}]
          envFrom: [{secretRef: {name: agcam-proxy}}]
          tolerations: [{key: b, operator: Exists}]
          nodeSelector: {gpu: h200}
        ingress: {enabled: true, className: nginx, host: agcam.example.org, tlsSecret: agcam-example-org, annotations: {a: b}}
        networkPolicy:
          from: [{namespaceSelector: {matchLabels: {name: mlops}}}]
          images: {to: [{ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0/8]}}, {ipBlock: {cidr: "::/0"}}], ports: [443]}
          webhooks: {to: [{podSelector: {matchLabels: {app: hooks}}}], ports: [8443]}
          collector: {to: [{podSelector: {matchLabels: {app: collector}}}]}
          extraEgress: [{to: [{ipBlock: {cidr: 169.254.0.0/16}}], ports: [{port: 80}]}]
        serviceAccount: {annotations: {role: reader}}
        telemetry: {otlpEndpoint: "http://collector:4317", prometheus: true}
        serviceMonitor: {enabled: true, labels: {release: prometheus}}
        keda: {enabled: true, existingSecret: agcam-keda, key: address}
        """;

    [Theory(SkipUnless = nameof(Tool.IsThere), SkipType = typeof(Tool), Skip = Tool.Skipped)]
    [InlineData("", "Deployment Service NetworkPolicy PodDisruptionBudget PodDisruptionBudget ServiceAccount Pod Deployment")]
    [InlineData(
        "{networkPolicy: {enabled: false}, pdb: {enabled: false}, serviceAccount: {create: false}, setup: {mode: none}}",
        "Deployment Service Pod Deployment"
    )]
    [InlineData(
        All,
        "Ingress Deployment Service NetworkPolicy PodDisruptionBudget PodDisruptionBudget TriggerAuthentication ScaledObject "
            + "ServiceAccount Service ServiceMonitor Job Pod Deployment"
    )]
    public void Every_object_is_valid_for_Kubernetes(string values, string kinds) =>
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
    [InlineData("networkPolicy: {broker: {to: []}}", "networkPolicy.broker.to")]
    [InlineData("networkPolicy: {store: {to: []}}", "networkPolicy.store.to")]
    [InlineData("networkPolicy: {store: {to: [{ipBlok: {cidr: 10.0.0.0/8}}]}}", "ipBlok")]
    [InlineData("networkPolicy: {store: {to: [{ipBlock: {cidr: anywhere}}]}}", "cidr")]
    [InlineData("images: {hosts: [images.example.org]}", "networkPolicy.images.to")]
    [InlineData("telemetry: {otlpEndpoint: \"http://collector:4317\"}", "networkPolicy.collector.to")]
    [InlineData("networkPolicy: {images: {to: [{ipBlock: {cidr: 169.254.169.254/32}}]}}", "169.254.169.254/32 is where clouds have")]
    [InlineData("networkPolicy: {extraEgress: [{to: [{ipBlock: {cidr: \"fd00:ec2::/64\"}}]}]}", "fd00:ec2::/64 is where clouds have")]
    [InlineData("networkPolicy: {extraEgress: [{ports: [{port: 443}]}]}", "to")]
    [InlineData("ingress: {enabled: true}", "ingress.host")]
    [InlineData("tmpSize: big", "tmpSize")]
    public void Misspelt_and_missing_values_are_refused_by_name(string values, string named) =>
        Assert.Contains(named, Chart.Refused(Chart.Least, values));

    [Theory(SkipUnless = nameof(Tool.IsThere), SkipType = typeof(Tool), Skip = Tool.Skipped)]
    [InlineData("")]
    [InlineData(
        "drain: {workerSeconds: 100, consumerStopSeconds: 110, stopSeconds: 120, shutdownSeconds: 130, preStopSeconds: 10, "
            + "graceSeconds: 150}"
    )]
    public void Stop_times_increase_from_worker_to_pod(string values)
    {
        var objects = Chart.Render(Chart.Least, values);
        foreach (var part in new[] { "api", "worker" })
        {
            var pod = PodOf(objects.Of("Deployment", $"try-agcam-{part}"));
            var environment = Environment(Container(pod));
            var (consumers, stop, shutdown) = (
                Number("Pipeline__ConsumerStopSeconds"),
                Number("Pipeline__StopSeconds"),
                Number("Pipeline__ShutdownSeconds")
            );
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
    public void Contradictory_stop_times_are_refused(string drain) =>
        Assert.Contains("graceSeconds, must hold", Chart.Refused(Chart.Least, $"drain: {drain}"));

    [Theory(SkipUnless = nameof(Tool.IsThere), SkipType = typeof(Tool), Skip = Tool.Skipped)]
    [InlineData("")]
    [InlineData(All)]
    public void Every_container_has_minimal_rights_and_gets_secrets_as_files(string values)
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
                // A secret in the environment would show in the process list.
                Assert.All(container["env"]?.AsArray() ?? [], variable => Assert.Null(variable!["valueFrom"]));
                Assert.Empty(
                    container["volumeMounts"]!
                        .AsArray()
                        .Select(mount => (string)mount!["name"]!)
                        .Except(pod["volumes"]!.AsArray().Select(volume => (string)volume!["name"]!))
                );
            }
        }
    }

    [Theory(SkipUnless = nameof(Tool.IsThere), SkipType = typeof(Tool), Skip = Tool.Skipped)]
    [InlineData("")]
    [InlineData(All)]
    public void Every_egress_rule_names_peers_and_ports(string values)
    {
        var egress = Egress(Chart.Render(Chart.Least, values));
        Assert.NotEmpty(egress);
        Assert.All(egress, rule => Assert.NotEmpty(rule["to"]!.AsArray()));
        Assert.All(egress, rule => Assert.NotEmpty(rule["ports"]!.AsArray()));
        string[] kinds = ["ipBlock", "podSelector", "namespaceSelector"];
        Assert.All(
            egress.SelectMany(rule => rule["to"]!.AsArray()),
            peer => Assert.True(kinds.Any(kind => peer![kind] is not null), $"{peer} allows every peer.")
        );
    }

    [Fact(SkipUnless = nameof(Tool.IsThere), SkipType = typeof(Tool), Skip = Tool.Skipped)]
    public void Egress_is_limited_to_the_named_ports()
    {
        var least = Egress(Chart.Render(Chart.Least));
        Assert.Equal(["53", "5671 5672", "27017", "8080"], least.Select(PortsOf));
        var all = Egress(Chart.Render(Chart.Least, All));
        Assert.Equal(["53", "5671 5672", "27017", "443", "8443", "8080", "4317", "80"], all.Select(PortsOf));

        static string PortsOf(JsonNode rule) => string.Join(' ', rule["ports"]!.AsArray().Select(port => (int)port!["port"]!).Distinct());
    }

    [Theory(SkipUnless = nameof(Tool.IsThere), SkipType = typeof(Tool), Skip = Tool.Skipped)]
    [InlineData("0.0.0.0/0", "169.254.169.254/32")]
    [InlineData("128.0.0.0/1", "169.254.169.254/32")]
    [InlineData("169.254.0.0/16", "169.254.169.254/32")]
    [InlineData("169.254.169.252/30", "169.254.169.254/32")]
    [InlineData("0.0.0.0/1", null)]
    [InlineData("10.0.0.0/8", null)]
    [InlineData("169.254.168.0/24", null)]
    [InlineData("::/0", "fd00:ec2::254/128")]
    [InlineData("fc00::/7", "fd00:ec2::254/128")]
    [InlineData("fd00::/8", "fd00:ec2::254/128")]
    [InlineData("fd00:ec2::/32", "fd00:ec2::254/128")]
    [InlineData("2000::/3", null)]
    [InlineData("fd12:3456::/32", null)]
    [InlineData("2001:db8::/64", null)]
    public void Every_block_excludes_the_metadata_services_of_clouds(string block, string? except)
    {
        var peers = $"[{{ipBlock: {{cidr: \"{block}\"}}}}]";
        string[] places = [$"networkPolicy: {{images: {{to: {peers}}}}}", $"networkPolicy: {{extraEgress: [{{to: {peers}}}]}}"];
        foreach (var values in places)
        {
            var named = Egress(Chart.Render(Chart.Least, values))
                .SelectMany(rule => rule["to"]!.AsArray())
                .Select(peer => peer!["ipBlock"])
                .Single(item => (string?)item?["cidr"] == block)!;
            Assert.Equal(except is null ? [] : [except], (named["except"]?.AsArray() ?? []).Select(address => (string?)address));
        }
    }

    [Fact(SkipUnless = nameof(Tool.IsThere), SkipType = typeof(Tool), Skip = Tool.Skipped)]
    public void API_with_a_certificate_serves_and_is_probed_over_https()
    {
        foreach (var (values, scheme) in new[] { ("", (string?)null), (All, "HTTPS") })
        {
            var pod = PodOf(Chart.Render(Chart.Least, values).Of("Deployment", "try-agcam-api"));
            Assert.Equal($"{scheme?.ToLowerInvariant() ?? "http"}://*:8080", Environment(Container(pod))["Api__Listen"]);
            foreach (var probe in new[] { "startupProbe", "readinessProbe", "livenessProbe" })
                Assert.Equal(scheme, (string?)Container(pod)[probe]!["httpGet"]!["scheme"]);
        }
        var api = PodOf(Chart.Render(Chart.Least, All).Of("Deployment", "try-agcam-api"));
        var environment = Environment(Container(api));
        Assert.Equal("/etc/agcam/api-tls/tls.crt", environment["Api__Tls__CertificateFile"]);
        Assert.Equal("/etc/agcam/api-tls/tls.key", environment["Api__Tls__KeyFile"]);
        Assert.Equal("api-tls", (string?)Volume(api, "api-tls")["secret"]!["secretName"]);
        Assert.Equal("/etc/agcam/api-tls", MountOf(api, "api-tls"));
    }

    [Theory(SkipUnless = nameof(Tool.IsThere), SkipType = typeof(Tool), Skip = Tool.Skipped)]
    [InlineData("api", "agcam-hooks", "cache", "configMapRef", "agcam-more")]
    [InlineData("worker", "agcam-s3", "scratch", "secretRef", "agcam-proxy")]
    public void Extra_secrets_volumes_and_environment_reach_the_part_that_names_them(
        string part,
        string secret,
        string volume,
        string kind,
        string from
    )
    {
        var pod = PodOf(Chart.Render(Chart.Least, All).Of("Deployment", $"try-agcam-{part}"));
        Assert.Equal(secret, (string?)Volume(pod, $"extra-{secret}")["secret"]!["secretName"]);
        Assert.Equal($"/etc/agcam/extra/{secret}", MountOf(pod, $"extra-{secret}"));
        Assert.Equal($"/{volume}", MountOf(pod, volume));
        Assert.Equal(from, (string?)Assert.Single(Container(pod)["envFrom"]!.AsArray())![kind]!["name"]);
    }

    [Theory(SkipUnless = nameof(Tool.IsThere), SkipType = typeof(Tool), Skip = Tool.Skipped)]
    [InlineData("", "1Gi")]
    [InlineData("tmpSize: 64Mi", "64Mi")]
    public void Folder_for_temporary_files_has_a_size(string values, string size)
    {
        var objects = Chart.Render(Chart.Least, values, "setup: {mode: job, existingSecret: agcam-setup}");
        foreach (var pod in objects.Select(PodOf).Where(pod => pod is not null))
            Assert.Equal(size, (string?)Volume(pod, "tmp")["emptyDir"]!["sizeLimit"]);
    }

    [Fact(SkipUnless = nameof(Tool.IsThere), SkipType = typeof(Tool), Skip = Tool.Skipped)]
    public void Ingress_routes_to_the_port_of_the_service()
    {
        var objects = Chart.Render(Chart.Least, All);
        var ingress = objects.Of("Ingress", "try-agcam")["spec"]!;
        var service = ingress["rules"]![0]!["http"]!["paths"]![0]!["backend"]!["service"]!;
        var ports = objects.Of("Service", (string)service["name"]!)["spec"]!["ports"]!.AsArray().Select(port => (string?)port!["name"]);
        Assert.Contains((string?)service["port"]!["name"], ports);
        Assert.Equal("agcam.example.org", (string?)ingress["rules"]![0]!["host"]);
        Assert.Equal("agcam-example-org", (string?)ingress["tls"]![0]!["secretName"]);
        Assert.Equal("nginx", (string?)ingress["ingressClassName"]);
    }

    [Fact(SkipUnless = nameof(Tool.IsThere), SkipType = typeof(Tool), Skip = Tool.Skipped)]
    public void Broker_outage_restarts_no_pod()
    {
        var objects = Chart.Render(Chart.Least);
        foreach (var part in new[] { "api", "worker" })
        {
            var container = Container(PodOf(objects.Of("Deployment", $"try-agcam-{part}")));
            // The tests of API and worker cover the endpoints' answers.
            Assert.Equal("/health/live", (string?)container["livenessProbe"]!["httpGet"]!["path"]);
            Assert.Equal("/health/ready", (string?)container["readinessProbe"]!["httpGet"]!["path"]);
            var port = (string)container["livenessProbe"]!["httpGet"]!["port"]!;
            Assert.Contains(container["ports"]!.AsArray(), named => (string?)named!["name"] == port);
        }
        var worker = Container(PodOf(objects.Of("Deployment", "try-agcam-worker")));
        Assert.Equal("http://*:8081/", Environment(worker)["Worker__HealthListen"]);
        Assert.Equal(120, (int)worker["startupProbe"]!["failureThreshold"]!);
    }

    [Fact(SkipUnless = nameof(Tool.IsThere), SkipType = typeof(Tool), Skip = Tool.Skipped)]
    public void Worker_with_a_GPU_requests_one_and_tolerates_its_nodes()
    {
        var pod = PodOf(Chart.Render(Chart.Least, All).Of("Deployment", "try-agcam-worker"));
        Assert.Equal("1", (string?)Container(pod)["resources"]!["limits"]!["nvidia.com/gpu"]);
        Assert.Equal("8Gi", (string?)Container(pod)["resources"]!["limits"]!["memory"]);
        Assert.Equal(["b", "nvidia.com/gpu"], pod["tolerations"]!.AsArray().Select(toleration => (string)toleration!["key"]!));
        Assert.Equal("nvidia", (string?)pod["runtimeClassName"]);
        Assert.Null(
            Container(PodOf(Chart.Render(Chart.Least).Of("Deployment", "try-agcam-worker")))["resources"]!["limits"]!["nvidia.com/gpu"]
        );
    }

    [Fact(SkipUnless = nameof(Tool.IsThere), SkipType = typeof(Tool), Skip = Tool.Skipped)]
    public void Processes_only_verify_when_a_job_does_the_setup()
    {
        var objects = Chart.Render(Chart.Least, All);
        var setup = PodOf(objects.Of("Job", "try-agcam-setup"));
        Assert.Equal(
            ["topology apply", "store migrate"],
            Containers(setup).Select(container => string.Join(' ', container["args"]!.AsArray().Select(argument => (string)argument!)))
        );
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
    public void Workers_are_scaled_on_unfinished_chunks_and_audits()
    {
        var objects = Chart.Render(Chart.Least, All);
        var trigger = objects.Of("ScaledObject", "try-agcam-worker")["spec"]!["triggers"]![0]!;
        Assert.Equal(("mongodb", "chunks"), ((string?)trigger["type"], (string?)trigger["metadata"]!["collection"]));
        var states = JsonNode.Parse((string)trigger["metadata"]!["query"]!)!["state"]!["$in"]!
            .AsArray()
            .Select(state => Enum.Parse<Pipeline.Records.ChunkState>((string)state!));
        Assert.Equal(
            [Pipeline.Records.ChunkState.Planned, Pipeline.Records.ChunkState.Published, Pipeline.Records.ChunkState.Leased],
            states
        );
        var audits = objects.Of("ScaledObject", "try-agcam-worker")["spec"]!["triggers"]![1]!["metadata"]!;
        Assert.Equal("jobs", (string?)audits["collection"]);
        Assert.Equal("""{"state": "Running", "auditPending": true}""", (string?)audits["query"]);
        Assert.Null(objects.Of("Deployment", "try-agcam-worker")["spec"]!["replicas"]); // otherwise every upgrade would undo the scaling
    }

    [Theory(SkipUnless = nameof(Tool.IsThere), SkipType = typeof(Tool), Skip = Tool.Skipped)]
    [InlineData("Bus", "bus-tls", "broker-tls", null)]
    [InlineData("Store", "store-tls", "store-tls", "mongo.internal")]
    public void Certificates_are_files_of_a_secret(string name, string volume, string secret, string? serverName)
    {
        var pod = PodOf(Chart.Render(Chart.Least, All).Of("Deployment", "try-agcam-worker"));
        var environment = Environment(Container(pod));
        var folder = (string?)Container(pod)["volumeMounts"]!.AsArray().Single(mount => (string?)mount!["name"] == volume)!["mountPath"];
        Assert.Equal(
            secret,
            (string?)pod["volumes"]!.AsArray().Single(mounted => (string?)mounted!["name"] == volume)!["secret"]!["secretName"]
        );
        Assert.Equal(
            ($"{folder}/ca.crt", $"{folder}/tls.crt", $"{folder}/tls.key"),
            (
                environment[$"Pipeline__{name}Tls__CaFile"],
                environment[$"Pipeline__{name}Tls__CertificateFile"],
                environment[$"Pipeline__{name}Tls__KeyFile"]
            )
        );
        Assert.Equal(serverName, environment.GetValueOrDefault($"Pipeline__{name}Tls__ServerName"));
    }

    [Theory(SkipUnless = nameof(Tool.IsThere), SkipType = typeof(Tool), Skip = Tool.Skipped)]
    [InlineData(Chart.Least, "agcam-store", "store")]
    [InlineData(All, "agcam-keda", "address")]
    public void KEDA_uses_the_address_of_the_store_or_its_own(string values, string secret, string key)
    {
        var parameter = Chart.Render(Chart.Least, values, "keda: {enabled: true}").Of("TriggerAuthentication", "try-agcam-store")["spec"]![
            "secretTargetRef"
        ]![0]!;
        Assert.Equal((secret, key), ((string?)parameter["name"], (string?)parameter["key"]));
    }

    [Fact(SkipUnless = nameof(Tool.IsThere), SkipType = typeof(Tool), Skip = Tool.Skipped)]
    public void Selectors_match_their_pods()
    {
        var objects = Chart.Render(Chart.Least, All);
        foreach (var part in new[] { "api", "worker" })
        {
            var deployment = objects.Of("Deployment", $"try-agcam-{part}");
            var labels = deployment["spec"]!["template"]!["metadata"]!["labels"]!.AsObject();
            foreach (
                var selector in new[]
                {
                    deployment["spec"]!["selector"]!["matchLabels"]!,
                    objects.Of("PodDisruptionBudget", $"try-agcam-{part}")["spec"]!["selector"]!["matchLabels"]!,
                    objects.Of("NetworkPolicy", "try-agcam")["spec"]!["podSelector"]!["matchLabels"]!,
                }
            )
                Assert.All(selector.AsObject(), label => Assert.Equal((string?)label.Value, (string?)labels[label.Key]));
        }
        var monitored = objects.Of("ServiceMonitor", "try-agcam")["spec"]!["selector"]!["matchLabels"]!.AsObject();
        Assert.All(
            monitored,
            label =>
                Assert.Equal((string?)label.Value, (string?)objects.Of("Service", "try-agcam-metrics")["metadata"]!["labels"]![label.Key])
        );
    }

    private static List<JsonNode> Egress(IReadOnlyList<JsonNode> objects) =>
        [.. objects.Of("NetworkPolicy", "try-agcam")["spec"]!["egress"]!.AsArray().Select(rule => rule!)];

    private static JsonNode Volume(JsonNode pod, string name) => Named(pod["volumes"]!, name);

    private static string? MountOf(JsonNode pod, string volume) => (string?)Named(Container(pod)["volumeMounts"]!, volume)["mountPath"];

    private static JsonNode Named(JsonNode list, string name) => list.AsArray().Single(node => (string?)node!["name"] == name)!;

    private static JsonNode PodOf(JsonNode node) => ((string?)node["kind"] == "Pod" ? node["spec"] : node["spec"]?["template"]?["spec"])!;

    private static IEnumerable<JsonNode> Containers(JsonNode pod) =>
        (pod["initContainers"]?.AsArray() ?? []).Concat(pod["containers"]!.AsArray()).Select(container => container!);

    private static JsonNode Container(JsonNode pod) => Assert.Single(pod["containers"]!.AsArray())!;

    private static Dictionary<string, string?> Environment(JsonNode container) =>
        (container["env"]?.AsArray() ?? []).ToDictionary(variable => (string)variable!["name"]!, variable => (string?)variable!["value"]);
}
