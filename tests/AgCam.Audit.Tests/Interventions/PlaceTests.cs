using AgCam.Audit.Interventions;
using FsCheck.Xunit;
using Xunit;

namespace AgCam.Audit.Tests.Interventions;

public class PlaceTests
{
    [Fact]
    public void Place_of_an_image_is_its_own_corner_of_a_union_of_corners()
    {
        Patch[] corners = [new(0, 0), new(0, 6), new(6, 0), new(6, 6)];
        Assert.Equal([new(0, 5), new(0, 6), new(1, 5), new(1, 6)], Place.OfPeak(Some.Map(1, peak: 6), corners));
        Assert.Equal([new(5, 5), new(5, 6), new(6, 5), new(6, 6)], Place.OfPeak(Some.Map(1, peak: 48), corners));
    }

    [Fact]
    public void Heat_outside_the_suspected_patches_does_not_move_the_place() =>
        Assert.Equal([new(0, 0), new(0, 1), new(1, 0), new(1, 1)], Place.OfPeak(Some.Map(1, peak: 24), [new(0, 0)]));

    [Fact]
    public void Small_region_is_one_place_and_a_large_one_is_not()
    {
        Patch[] band = [new(6, 0), new(6, 1), new(6, 2), new(6, 3), new(6, 4)];
        Assert.Superset(band.ToHashSet(), Place.OfPeak(Some.Map(1, peak: 42), band).ToHashSet());
        Patch[] row = [.. Enumerable.Range(0, 7).Select(column => new Patch(6, column))]; // more than an eighth of 49 patches
        Assert.Equal([new(5, 0), new(5, 1), new(6, 0), new(6, 1)], Place.OfPeak(Some.Map(1, peak: 42), row));
    }

    [Fact]
    public void Patch_outside_the_grid_is_refused() =>
        Assert.Contains(
            "outside the grid of 7 x 7",
            Assert.Throws<ArgumentException>(() => Place.OfPeak(Some.Map(1, peak: 0), [new(0, 7)])).Message,
            StringComparison.Ordinal
        );

    [Property(MaxTest = 200)]
    public void Random_place_has_the_shape_lies_in_the_grid_and_overlaps_as_little_as_it_can(byte peak, ulong seed)
    {
        var place = Place.OfPeak(Some.Map(1, peak % 49), [new(peak % 49 / 7, peak % 49 % 7)]);
        var elsewhere = Place.Elsewhere(place, 7, 7, seed);
        Assert.Equal(elsewhere, Place.Elsewhere(place, 7, 7, seed));
        Assert.All(elsewhere, patch => Assert.True(patch is { Row: >= 0 and < 7, Column: >= 0 and < 7 }));
        Assert.Equal(peak % 49 == 24 ? 1 : 0, place.Intersect(elsewhere).Count()); // 3 x 3 in the middle of 7 x 7 leave no other room
        var (down, across) = (elsewhere[0].Row - place[0].Row, elsewhere[0].Column - place[0].Column);
        Assert.Equal(place.Select(patch => new Patch(patch.Row + down, patch.Column + across)), elsewhere);
    }

    [Fact]
    public void Random_places_of_a_single_patch_reach_every_other_patch() =>
        Assert.Equal(8, Enumerable.Range(0, 200).Select(seed => Place.Elsewhere([new(1, 1)], 3, 3, (ulong)seed)[0]).Distinct().Count());

    [Fact]
    public void Place_that_fills_the_grid_has_only_itself()
    {
        Patch[] all = [new(0, 0), new(0, 1), new(1, 0), new(1, 1)];
        Assert.Equal(all, Place.Elsewhere(all, 2, 2, 5));
    }
}
