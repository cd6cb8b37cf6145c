using AgCam.Labels;
using AgCam.Models;
using Xunit;

namespace AgCam.Tests.Labels;

public class ClassNamesFileTests
{
    [Theory]
    [InlineData("tench\r\ntabby cat\r\n\r\n")]
    [InlineData("[\"tench\", \"tabby cat\"]")]
    [InlineData("{\"1\": \"tabby cat\", \"0\": \"tench\"}")]
    [InlineData("{\"0\": [\"n01440764\", \"tench\"], \"1\": [\"n02123045\", \"tabby cat\"]}")]
    public void Every_form_gives_the_names_in_order(string text) => Assert.Equal(["tench", "tabby cat"], Read(text));

    [Theory]
    [InlineData("")]
    [InlineData("a\n\nb\n")]
    [InlineData("{\"0\": \"a\", \"2\": \"b\"}")]
    [InlineData("{\"zero\": \"a\"}")]
    [InlineData("[1, 2]")]
    [InlineData("[\"a\"")]
    public void File_that_does_not_name_every_class_is_refused(string text) =>
        Assert.Equal(ModelFailure.BadConfiguration, Assert.Throws<ModelException>(() => Read(text)).Reason);

    private static IReadOnlyList<string> Read(string text)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["names"], text);
        return ClassNamesFile.Read(folder["names"]);
    }
}
