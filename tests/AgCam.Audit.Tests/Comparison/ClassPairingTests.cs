using AgCam.Audit.Comparison;
using Xunit;

namespace AgCam.Audit.Tests.Comparison;

public class ClassPairingTests
{
    [Fact]
    public void Classes_pair_by_name_in_any_order()
    {
        var pairing = ClassPairing.Of(new ClassNames(3, ["cat", "dog", "fox"]), new ClassNames(3, ["Dog", "cat", "owl"]));
        Assert.True(pairing.Agree((1, "dog"), (0, "Dog")));
        Assert.False(pairing.Agree((0, "cat"), (0, "Dog")));
        Assert.Null(pairing.Agree((2, "fox"), (1, "cat")));
        Assert.Equal(["fox"], pairing.OnlyA);
        Assert.Equal(["owl"], pairing.OnlyB);
    }

    [Fact]
    public void Equal_lists_pair_by_index_so_that_two_classes_of_one_name_differ()
    {
        var names = new ClassNames(2, ["crane", "crane"]);
        Assert.False(ClassPairing.Of(names, new ClassNames(2, ["crane", "crane"])).Agree((0, "crane"), (1, "crane")));
    }

    [Fact]
    public void Name_of_two_classes_pairs_with_none()
    {
        var pairing = ClassPairing.Of(new ClassNames(3, ["crane", "crane", "cat"]), new ClassNames(2, ["crane", "cat"]));
        Assert.Null(pairing.Agree((0, "crane"), (0, "crane")));
        Assert.Contains("crane", pairing.OnlyA);
    }

    [Fact]
    public void Unknown_classes_are_compared_as_they_are()
    {
        var pairing = ClassPairing.Of(null, new ClassNames(1, ["cat"]));
        Assert.False(pairing.IsKnown);
        Assert.True(pairing.Agree((5, "cat"), (0, "cat")));
    }
}
