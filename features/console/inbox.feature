@console
Feature: Mails are read, and their links tried, on a page
  A mail is somebody else's text. Its link can be followed, and what a mail scanner does to it changes nothing.

  Scenario: A mail comes while one looks
    Given the page "Inbox" is open
    When ada signs up
    Then a mail to ada is listed without a reload

  Scenario Outline: A scanner's <visit> changes nothing
    Given ada has signed up
    And the page "Inbox" is open
    When the mail to ada is opened
    And the scanner's button "<visit>" is pressed
    Then the page says CHANGED NOTHING
    And ada is INACTIVE in signup_db
    Examples:
      | visit          |
      | HEAD           |
      | GET            |
      | GET and follow |

  Scenario: The link is a button
    Given ada has signed up
    And the page "Inbox" is open
    When the mail to ada is opened
    And its link is followed, and the button pressed there
    Then ada is ACTIVE in signup_db

  Scenario: A hostile mail does nothing
    Given a mail comes that holds scripts, forms and remote pictures
    And the page "Inbox" is open
    When the hostile mail is opened
    Then its text is shown, and nothing of it has run or been fetched
    And its link is not tried from here
