using AgCam.Native;
using Xunit;

namespace AgCam.Cli.Tests;

public class DoctorTests
{
    [Fact]
    public void Doctor_finds_no_fault_on_this_machine()
    {
        var outcome = AgcamProcess.Run("doctor", "--json");
        Assert.Equal(0, outcome.Code);
        var found = Assert.Single(outcome.Rows);
        Assert.True(found.GetProperty("ok").GetBoolean());
        Assert.Contains(
            $"libtorch {NativeBackend.BuiltFor}",
            found.GetProperty("facts").GetProperty("backend").GetString(),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Shipped_backend_passes_its_self_test() => Assert.Equal(new Outcome(0, "", ""), AgcamProcess.Run("backend-self-test"));

    [Fact]
    public void Misspelt_variable_is_a_warning()
    {
        var outcome = AgcamProcess.Run(["doctor"], "", ("AGCAM_LIBTORHC", "/opt"));
        Assert.Equal(0, outcome.Code);
        Assert.Contains("AGCAM_LIBTORHC is set, but agcam does not know it", outcome.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Secrets_are_not_shown_and_own_variables_are_known()
    {
        var outcome = AgcamProcess.Run(
            ["doctor"],
            "",
            ("AGCAM_API_KEY", "hush-hush"),
            ("AGCAM_URL", "http://me:hush-hush@host"),
            ("AGCAM_TEST_MONGODB", "hush-hush"),
            ("AGCAM_SERVICES_PORT", "hush-hush"),
            ("AGCAM_APIKEY", "hush-hush"),
            ("AGCAM_DEBUG", "0")
        );
        Assert.DoesNotContain("hush", outcome.Output + outcome.Errors, StringComparison.Ordinal);
        Assert.Matches("AGCAM_API_KEY +set\n", outcome.Output);
        Assert.Matches("AGCAM_DEBUG +0\n", outcome.Output);
        Assert.Single(outcome.Lines, line => line.Contains("agcam does not know it", StringComparison.Ordinal)); // AGCAM_APIKEY
        Assert.DoesNotContain("AGCAM_TEST_", outcome.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Missing_libvips_is_reported_by_doctor_and_explain()
    {
        using var folder = SomeImages.Folder(1);
        CopyWithout("libvips", folder["agcam"]);
        var doctor = AgcamProcess.RunFrom(folder["agcam"], "doctor");
        Assert.Equal(2, doctor.Code);
        Assert.Contains("ERROR          libvips does not load: ", doctor.Output, StringComparison.Ordinal);
        Assert.Contains("libtorch ", doctor.Output, StringComparison.Ordinal);

        var explain = AgcamProcess.RunFrom(folder["agcam"], "explain", folder["000.png"], "--model", SomeImages.Model);
        Assert.Equal(2, explain.Code);
        Assert.StartsWith("agcam: ", explain.Errors, StringComparison.Ordinal);
        Assert.Contains("libvips", explain.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("internal error", explain.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Another_release_of_libtorch_is_refused()
    {
        using var folder = FakeLibTorch("2.14.0");
        var outcome = AgcamProcess.Run(
            ["explain", "a.jpg", "--model", SomeImages.Model],
            "",
            (NativeBackend.FolderVariable, folder["lib"])
        );
        Assert.Equal(2, outcome.Code);
        Assert.Contains("holds libtorch 2.14.0", outcome.Errors, StringComparison.Ordinal);
        Assert.Contains(NativeBackend.ExperimentalVariable, outcome.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("2.10.0", false)]
    [InlineData("2.14.0", true)]
    public void Libtorch_that_fails_its_self_test_is_refused_with_the_reason(string version, bool experimental)
    {
        using var folder = FakeLibTorch(version);
        var outcome = AgcamProcess.Run(
            ["explain", "a.jpg", "--model", SomeImages.Model],
            "",
            (NativeBackend.FolderVariable, folder["lib"]),
            (NativeBackend.ExperimentalVariable, experimental ? "1" : "0"),
            ("XDG_CACHE_HOME", folder["cache"])
        );
        Assert.Equal(2, outcome.Code);
        Assert.Contains("fails its self-test and is not used", outcome.Errors, StringComparison.Ordinal);
        Assert.Contains("does not load", outcome.Errors, StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder["cache/agcam"]));
    }

    [Fact]
    public void Libtorch_of_the_right_release_is_tested_once()
    {
        using var folder = LinkedLibTorch.Of($"{NativeBackend.BuiltFor}+cpu");
        var outcome = AgcamProcess.Run(["doctor"], "", (NativeBackend.FolderVariable, folder["lib"]), ("XDG_CACHE_HOME", folder["cache"]));
        Assert.Equal(0, outcome.Code);
        Assert.Contains(
            $"libtorch {NativeBackend.BuiltFor}+cpu from {folder["lib"]}, self-test passed",
            outcome.Output,
            StringComparison.Ordinal
        );
        Assert.Single(Directory.GetFiles(folder["cache/agcam"], "libtorch-*.passed"));
    }

    /// <summary>Copies the built command with empty files in place of a library.</summary>
    private static void CopyWithout(string library, string folder)
    {
        foreach (var file in Directory.GetFiles(AppContext.BaseDirectory, "*", SearchOption.AllDirectories))
        {
            var place = Path.Combine(folder, Path.GetRelativePath(AppContext.BaseDirectory, file));
            Directory.CreateDirectory(Path.GetDirectoryName(place)!);
            if (Path.GetFileName(file).StartsWith(library, StringComparison.Ordinal))
                File.WriteAllText(place, "not a library");
            else if (Path.GetFileName(file).StartsWith("AgCam.Cli", StringComparison.Ordinal))
                File.Copy(file, place); // the launcher would resolve a link
            else
                File.CreateSymbolicLink(place, file);
        }
    }

    /// <summary>Writes empty files with libtorch's names.</summary>
    private static TemporaryFolder FakeLibTorch(string version)
    {
        var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder["lib"]);
        foreach (var name in new[] { "libc10.so", "libtorch_cpu.so", "libtorch.so" })
            File.WriteAllText(folder[$"lib/{name}"], "not a library");
        File.WriteAllText(folder["build-version"], version);
        return folder;
    }
}
