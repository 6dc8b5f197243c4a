@console
Feature: Every page of the console can be used by everybody
  What is true of each page that the navigation leads to, whatever it shows.

  Scenario Outline: No barrier in the <theme> theme
    Given ada has an active account
    And the map is open in the <theme> theme
    Then axe finds nothing serious on any page of the navigation
    Examples:
      | theme |
      | light |
      | dark  |

  Scenario: Pages fit a narrow screen
    Given ada has an active account
    And the map is open on a screen of 360 pixels
    Then no page of the navigation scrolls sideways
