using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using AgCam.Pipeline.Stores;
using AgCam.Pipeline.Stores.Mongo;
using MongoDB.Driver;
using Xunit;

namespace AgCam.Pipeline.Tests.Stores;

/// <summary>Tests MongoDB over TLS: the options of the driver, and handshakes with a server that requires a certificate.</summary>
public sealed class MongoTlsTests : IDisposable
{
    private const string Skipped = $"{MongoServer.Variable} names no server";

    private readonly Certificates _made = new();
    private readonly (string Certificate, string Key) _authority,
        _client;
    private readonly string _name = MongoServer.NewName();

    public MongoTlsTests()
    {
        _authority = _made.Authority("authority");
        _client = _made.Signed("client", "authority");
        _made.Signed("server", "authority", "localhost");
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static bool HasServer => MongoServer.Uri is not null;

    private TlsOptions Ours =>
        new()
        {
            CaFile = _authority.Certificate,
            CertificateFile = _client.Certificate,
            KeyFile = _client.Key,
        };

    [Fact]
    public void TLS_options_reach_the_driver()
    {
        var settings = Settings("mongodb://server", Ours);
        Assert.True(settings.UseTls);
        Assert.Equal("CN=client", Assert.Single(settings.SslSettings.ClientCertificates).Subject);
        Assert.False(Settings("mongodb://server").UseTls);

        var trusted = settings.SslSettings.ServerCertificateValidationCallback;
        var stranger = X509CertificateLoader.LoadCertificateFromFile(_made.Authority("stranger").Certificate);
        Assert.True(trusted(this, _made["server"], null, SslPolicyErrors.RemoteCertificateChainErrors));
        Assert.False(trusted(this, stranger, null, SslPolicyErrors.RemoteCertificateChainErrors));
        Assert.False(trusted(this, _made["server"], null, SslPolicyErrors.RemoteCertificateNameMismatch));
        Assert.True(
            Settings("mongodb://server", Ours with { ServerName = "localhost" })
                .SslSettings.ServerCertificateValidationCallback(this, _made["server"], null, SslPolicyErrors.RemoteCertificateNameMismatch)
        );
        Assert.False(
            Settings("mongodb://server", Ours with { ServerName = "other" })
                .SslSettings.ServerCertificateValidationCallback(this, _made["server"], null, SslPolicyErrors.RemoteCertificateNameMismatch)
        );
    }

    [Fact]
    public void A_login_by_certificate_without_a_certificate_is_refused()
    {
        const string Address = "mongodb://server/?tls=true&authMechanism=MONGODB-X509";
        var credential = Settings(Address, Ours).Credential;
        Assert.Equal(("MONGODB-X509", "$external"), (credential.Mechanism, credential.Source));
        Assert.Contains("Pipeline:StoreTls:CertificateFile", Assert.Throws<OptionsException>(() => Settings(Address)).Message);
    }

    [Theory(SkipUnless = nameof(HasServer), Skip = Skipped)]
    [InlineData("two PEM files")]
    [InlineData("one PEM file")]
    [InlineData("PKCS#12")]
    public async Task A_store_connects_over_TLS_and_logs_in_with_its_certificate(string form)
    {
        await using var front = Front();
        var tls = form switch
        {
            "two PEM files" => Ours,
            "one PEM file" => Ours with { CertificateFile = _made.Both("client"), KeyFile = null },
            _ => Ours with
            {
                CertificateFile = _made.Pkcs12("client", "swordfish"),
                KeyFile = null,
                PasswordFile = _made.Text("password", "swordfish\n"),
            },
        };
        try
        {
            await using var store = new MongoStore(
                new MongoOptions
                {
                    Uri = $"{Address(front)}&authMechanism=MONGODB-X509",
                    Database = _name,
                    Tls = tls,
                }
            );
            await store.MigrateAsync(Cancel);
            var job = (await store.Jobs.CreateAsync(Some.Spec(), cancellationToken: Cancel)).Job;
            Assert.Equal(job.Id, (await store.Jobs.FindAsync(job.Id, Cancel))!.Id);
        }
        finally
        {
            await MongoServer.DropAsync(_name);
        }
        Assert.Equal(["CN=client"], front.Clients.Distinct());
        Assert.True(front.LoggedIn);
    }

    [Fact(SkipUnless = nameof(HasServer), Skip = Skipped)]
    public async Task A_client_without_a_certificate_of_the_authority_is_refused()
    {
        await using var front = Front();
        _made.Authority("another authority");
        var (certificate, key) = _made.Signed("a stranger", "another authority");
        await AssertRefusedAsync(front, Ours with { CertificateFile = null, KeyFile = null });
        await AssertRefusedAsync(front, Ours with { CertificateFile = certificate, KeyFile = key });
        await AssertAcceptedAsync(front, Ours);
        Assert.Equal(["CN=client"], front.Clients.Distinct());
    }

    [Fact(SkipUnless = nameof(HasServer), Skip = Skipped)]
    public async Task A_server_of_another_authority_or_name_is_not_trusted()
    {
        await using var front = Front();
        await AssertRefusedAsync(front, Ours with { CaFile = _made.Authority("another authority").Certificate });
        await AssertRefusedAsync(front, Ours with { CaFile = null });
        await AssertRefusedAsync(front, Ours, host: "127.0.0.1"); // the certificate names localhost
        await AssertAcceptedAsync(front, Ours with { ServerName = "localhost" }, host: "127.0.0.1");
    }

    public void Dispose() => _made.Dispose();

    private static MongoClientSettings Settings(string uri, TlsOptions? tls = null) =>
        MongoDatabase.Settings(new MongoOptions { Uri = uri, Tls = tls ?? new TlsOptions() });

    private TlsFront Front()
    {
        var server = MongoUrl.Create(MongoServer.Uri).Server;
        return new TlsFront(new DnsEndPoint(server.Host, server.Port), _made["server"], _made["authority"]);
    }

    private static string Address(TlsFront front, string host = "localhost") => $"mongodb://{host}:{front.Port}/?directConnection=true";

    private Task AssertRefusedAsync(TlsFront front, TlsOptions tls, string host = "localhost") =>
        Assert.ThrowsAsync<StoreUnavailableException>(() => AskAsync($"{Address(front, host)}&serverSelectionTimeoutMS=1000", tls));

    private async Task AssertAcceptedAsync(TlsFront front, TlsOptions tls, string host = "localhost") =>
        Assert.Equal(0, await AskAsync(Address(front, host), tls));

    private async Task<int> AskAsync(string address, TlsOptions tls)
    {
        await using var store = new MongoStore(
            new MongoOptions
            {
                Uri = address,
                Database = _name,
                Tls = tls,
            }
        );
        return await store.SchemaVersionAsync(Cancel);
    }
}
