//! Names of zones: the region each is in, and where it stands in price lists.

use types::ComputeType;

/// A zone's name as it is made up: its region, and what stands after that.
///
/// `us-east-1a` is zone `a` of its region; `us-west-2-lax-1a` a Local Zone, `us-east-1-wl1-bos-wlz-1` a Wavelength Zone.
fn zone_parts(zone: &str) -> Option<(&str, &str)> {
    let mut end = 0;
    for part in zone.split('-') {
        let digits = part.trim_end_matches(|c: char| c.is_ascii_lowercase());
        if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) && end > 0 {
            return zone.split_at_checked(end + digits.len());
        }
        end += part.len() + 1;
    }
    None
}

/// The region a zone belongs to: `us-east-1a` is in `us-east-1`, and so is `us-east-1-bos-1a`.
pub(crate) fn region_of_zone(zone: &str) -> Option<String> {
    let (region, rest) = zone_parts(zone)?;
    (!rest.is_empty()).then(|| region.to_owned())
}

/// Where a Local Zone or Wavelength Zone stands in price lists, such as `us-west-2-lax-1`; `None` for zones that are in
/// their region, whose prices are the region's.
pub(crate) fn zone_location(zone: &str) -> Option<String> {
    let (region, rest) = zone_parts(zone)?;
    let place = rest.strip_prefix('-')?;
    match place.split_once("-wlz-") {
        Some((city, number)) => Some(format!("{region}-{city}{number}")),
        None => Some(format!("{region}-{}", place.trim_end_matches(|c: char| c.is_ascii_lowercase()))),
    }
}

/// The compute type of a node where it stands: EC2 machines in Local Zones and Wavelength Zones are apart from those of
/// the region, whose machines and prices they do not share.
pub(crate) fn placed(compute_type: ComputeType, zone: Option<&str>) -> ComputeType {
    let outside = zone.filter(|zone| compute_type == ComputeType::Ec2 && zone_location(zone).is_some());
    match outside {
        Some(zone) if zone.contains("-wlz-") => ComputeType::Wavelength,
        Some(_) => ComputeType::LocalZone,
        None => compute_type,
    }
}

/// Where a machine or volume on an Outpost of a region stands in price lists, none of which knows it.
pub(crate) fn outpost_of(region: &str) -> String {
    format!("{region}{OUTPOST}")
}

/// Ending of the location of what is on an Outpost.
pub(crate) const OUTPOST: &str = "-outpost";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_names_its_region() {
        assert_eq!(region_of_zone("us-east-1a").as_deref(), Some("us-east-1"));
        assert_eq!(region_of_zone("use1-az1"), None);
        assert_eq!(region_of_zone(""), None);
        assert_eq!(region_of_zone("us-gov-west-1b").as_deref(), Some("us-gov-west-1"));
        assert_eq!(region_of_zone("us-west-2-lax-1a").as_deref(), Some("us-west-2"));
        assert_eq!(region_of_zone("us-east-1-wl1-bos-wlz-1").as_deref(), Some("us-east-1"));
        assert_eq!(region_of_zone("us-east-1"), None);
    }

    #[test]
    fn a_local_zone_is_not_its_region() {
        let check = |zone: &str, expect: Option<&str>, compute_type: ComputeType| {
            assert_eq!(zone_location(zone).as_deref(), expect, "{zone}");
            assert_eq!(placed(ComputeType::Ec2, Some(zone)), compute_type, "{zone}");
            assert_eq!(placed(ComputeType::AutoMode, Some(zone)), ComputeType::AutoMode);
        };
        check("us-east-1a", None, ComputeType::Ec2);
        check("us-gov-west-1b", None, ComputeType::Ec2);
        check("us-west-2-lax-1a", Some("us-west-2-lax-1"), ComputeType::LocalZone);
        check("ap-southeast-1-bkk-1a", Some("ap-southeast-1-bkk-1"), ComputeType::LocalZone);
        check("us-east-1-wl1-bos-wlz-1", Some("us-east-1-wl1-bos1"), ComputeType::Wavelength);
        check("use1-az1", None, ComputeType::Ec2);
    }
}
